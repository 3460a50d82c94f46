package audit

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// line returns a line of the log as the API server writes it.
func line(stage, verb, uri, user, ref, more string) string {
	return `{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"1","stage":"` + stage + `","requestURI":"` + uri +
		`","verb":"` + verb + `","user":{"username":"` + user + `","groups":["g"]},"userAgent":"manager/v1",` + ref +
		`"stageTimestamp":"2026-01-02T03:04:05.000006Z"` + more + "}\n"
}

const (
	complete = "ResponseComplete"
	started  = "ResponseStarted"
	status   = `"objectRef":{"resource":"gatewaytenants","namespace":"a","name":"o","apiGroup":"g","apiVersion":"v1","subresource":"status"},`
	service  = `"objectRef":{"resource":"services","namespace":"a","name":"s","apiVersion":"v1"},`
)

func TestRequests(t *testing.T) {
	user := ServiceAccount("system", "operator")
	at := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	conflict := line(complete, "patch", "/x?fieldManager=m&force=true", user, status, `,"responseStatus":{"code":409}`)
	for name, c := range map[string]struct {
		line  string
		want  []Request
		write bool
	}{
		"a write that fails": {conflict, []Request{{
			Action: Action{Verb: "patch", Group: "g", Resource: "gatewaytenants", Subresource: "status", Namespace: "a", Name: "o"},
			User:   user, UserAgent: "manager/v1", FieldManager: "m", Force: true, URI: "/x?fieldManager=m&force=true", Code: 409, Time: at,
		}}, true},
		"a dry run": {line(complete, "patch", "/x?dryRun=All", user, service, `,"responseStatus":{"code":200}`), []Request{{
			Action: Action{Verb: "patch", Resource: "services", Namespace: "a", Name: "s", DryRun: true},
			User:   user, UserAgent: "manager/v1", URI: "/x?dryRun=All", Code: 200, Time: at,
		}}, true},
		"a read that is forbidden": {
			line(complete, "get", "/x", "u", service, `,"responseStatus":{"code":403},"annotations":{"authorization.k8s.io/decision":"forbid"}`), []Request{{
				Action: Action{Verb: "get", Resource: "services", Namespace: "a", Name: "s"},
				User:   "u", UserAgent: "manager/v1", URI: "/x", Code: 403, Forbidden: true, Time: at,
			}}, false,
		},
		"a watch that begins": {line(started, "watch", "/x", "u", service, `,"responseStatus":{"code":200}`), []Request{{
			Action: Action{Verb: "watch", Resource: "services", Namespace: "a", Name: "s"},
			User:   "u", UserAgent: "manager/v1", URI: "/x", Code: 200, Time: at,
		}}, false},
		"a watch that ends":    {line(complete, "watch", "/x", "u", service, ""), nil, false},
		"a stream that begins": {line(started, "get", "/x", "u", service, ""), nil, false},
		"an access review": {line(complete, "create", "/x", "u", `"objectRef":{"resource":"selfsubjectaccessreviews"},`, `,"responseStatus":{"code":201}`), []Request{{
			Action: Action{Verb: "create", Resource: "selfsubjectaccessreviews"},
			User:   "u", UserAgent: "manager/v1", URI: "/x", Code: 201, Time: at,
		}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := NewLog(write(t, c.line)).Requests()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			for _, r := range got {
				if r.IsWrite() != c.write {
					t.Errorf("IsWrite is %v", r.IsWrite())
				}
				if r.Failed() != (r.Code >= 400) {
					t.Errorf("Failed is %v with code %d", r.Failed(), r.Code)
				}
			}
		})
	}
}

// TestAGrowingLog reads a log while it is being written.
func TestAGrowingLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	log := NewLog(path)
	read := func(want int) int {
		t.Helper()
		mark, err := log.Mark()
		if err != nil || mark != want {
			t.Fatalf("%d requests, %v; want %d", mark, err, want)
		}
		return mark
	}
	read(0)
	one := line(complete, "patch", "/x", "u", service, `,"responseStatus":{"code":201}`)
	text := one + line(complete, "create", "/x", "u", service, "")[:30]
	overwrite(t, path, text)
	mark := read(1)
	text = one + line(complete, "create", "/x", "u", service, "") + line(complete, "get", "/x", "u", service, "") + line(complete, "delete", "/x", "v", service, "")
	overwrite(t, path, text)
	read(4)
	writes, err := log.WritesSince(mark, "u")
	if err != nil || len(writes) != 1 || writes[0].String() != "create services a/s" {
		t.Errorf("writes are %v, %v", writes, err)
	}
	overwrite(t, path, text+"{\n")
	if _, err := log.Since(mark); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a damaged line was reported as %v", err)
	}
}

func TestPolicy(t *testing.T) {
	if policy := Policy("a", "b"); !strings.Contains(policy, `users: ["a", "b"]`) {
		t.Error(policy)
	}
	if policy := Policy(); !strings.Contains(policy, `userGroups: ["system:serviceaccounts"]`) {
		t.Error(policy)
	}
}

func TestActionAsText(t *testing.T) {
	for want, action := range map[string]Action{
		"patch gatewaytenants/status a/o (dry run)": {Verb: "patch", Resource: "gatewaytenants", Subresource: "status", Namespace: "a", Name: "o", DryRun: true},
		"delete clusterrolebindings b":              {Verb: "delete", Resource: "clusterrolebindings", Name: "b"},
	} {
		if got := action.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestKind(t *testing.T) {
	mapper := meta.NewDefaultRESTMapper(nil)
	mapper.Add(schema.GroupVersionKind{Group: "g", Version: "v1", Kind: "GatewayTenant"}, meta.RESTScopeNamespace)
	if kind, err := (Action{Group: "g", Resource: "gatewaytenants", Subresource: "status"}).Kind(mapper); err != nil || kind != "GatewayTenant" {
		t.Errorf("%q, %v", kind, err)
	}
}

func write(t *testing.T, text string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "audit.log")
	overwrite(t, path, text)
	return path
}

func overwrite(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
