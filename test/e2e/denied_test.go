package e2e

import (
	"fmt"
	"regexp"

	"github.com/ambient-code/gatewaytenant-operator/test/audit"
)

// thief is the user agent of tests that try what the operator and certgen may not do.
const thief = "thief"

// restricted matches the users whose rights must suffice for all that they do.
var restricted = regexp.MustCompile(`^system:serviceaccount:[^:]+:(gatewaytenant-operator|openshell-gateway-certgen)$`)

// deniedRequests returns the requests of the operator and certgen in the whole suite for which they lacked the right, and
// the number of all their requests. A role that is too small may go unnoticed otherwise, because a request that is denied
// may succeed when it is repeated or may not matter to any test.
func deniedRequests(log *audit.Log) (denied []string, total int, err error) {
	requests, err := log.Requests()
	for _, r := range requests {
		if !restricted.MatchString(r.User) || r.UserAgent == thief {
			continue
		}
		total++
		if r.Forbidden {
			denied = append(denied, fmt.Sprintf("%s: %s %s", r.User, r.Verb, r.URI))
		}
	}
	return denied, total, err
}
