package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

// auditPolicy has the API server note what ServiceAccounts ask for, and not what is in it.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - {level: Metadata, userGroups: ["system:serviceaccounts"]}
  - {level: None}
`

// thief is the user agent of tests that try what the operator and certgen may not do.
const thief = "thief"

// held are those whose rights must be enough for all that they do.
var held = regexp.MustCompile(`^system:serviceaccount:[^:]+:(gatewaytenant-operator|openshell-gateway-certgen)$`)

// deniedRequests are what the operator and certgen asked for in the whole suite without having the right to it. A role
// that is too small may go unnoticed otherwise: what is denied is tried again, or not needed just then.
func deniedRequests(dir string) (denied []string, asked int, err error) {
	log, err := os.Open(filepath.Join(dir, "logs", "audit.log"))
	if err != nil {
		return nil, 0, err
	}
	defer log.Close()
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var event struct { // of audit.k8s.io/v1
			User                        struct{ Username string }
			UserAgent, Verb, RequestURI string
			Annotations                 map[string]string
		}
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
			return nil, 0, fmt.Errorf("audit.log: %w", err)
		}
		if !held.MatchString(event.User.Username) || event.UserAgent == thief {
			continue
		}
		asked++
		if event.Annotations["authorization.k8s.io/decision"] == "forbid" {
			denied = append(denied, fmt.Sprintf("%s: %s %s", event.User.Username, event.Verb, event.RequestURI))
		}
	}
	return denied, asked, lines.Err()
}
