package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSandboxOf has a fake API server review the tokens of supervisors.
func TestSandboxOf(t *testing.T) {
	const review, pods, sandboxes = "/apis/authentication.k8s.io/v1/tokenreviews", "/api/v1/namespaces/tenant-a/pods/", "/apis/agents.x-k8s.io/v1alpha1/namespaces/tenant-a/sandboxes/"
	user := func(name, extra string) string {
		return fmt.Sprintf(`{"status": {"authenticated": true, "audiences": ["openshell-gateway"], "user": {"username": %q, "extra": {%s}}}}`, name, extra)
	}
	const username, bound = "system:serviceaccount:tenant-a:sandboxes", `"authentication.kubernetes.io/pod-name": ["p"], "authentication.kubernetes.io/pod-uid": ["1"]`
	supervisor := func(uid, owner string) string {
		return fmt.Sprintf(`{"metadata": {"uid": %q, "labels": {"openshell.ai/sandbox-id": "s1"}, "ownerReferences": [{"kind": "Job", "name": "s", "uid": "2"}%s]}}`, uid, owner)
	}
	const owned = `, {"kind": "Sandbox", "name": "s", "uid": "2"}`
	good := map[string]string{review: user(username, bound), pods + "p": supervisor("1", owned), sandboxes + "s": `{"metadata": {"uid": "2"}}`}
	for _, c := range []struct{ what, path, answer, problem string }{
		{"a supervisor", review, good[review], ""},
		{"another token", review, `{"status": {}}`, "not valid for the audience"},
		{"a token without audience", review, `{"status": {"authenticated": true}}`, "not valid for the audience"},
		{"another account", review, user("system:serviceaccount:tenant-a:default", bound), "not of system:serviceaccount:tenant-a:sandboxes"},
		{"another namespace", review, user("system:serviceaccount:tenant-b:sandboxes", bound), "not of system:serviceaccount:tenant-a:sandboxes"},
		{"no pod", review, user(username, ""), "not bound to a pod"},
		{"no right to review", review, "", "cannot be reviewed: HTTP status 404"},
		{"a pod that is gone", pods + "p", "", "HTTP status 404"},
		{"another pod of the name", pods + "p", supervisor("9", owned), "of an earlier pod"},
		{"a pod without Sandbox", pods + "p", supervisor("1", ""), "belongs to no Sandbox"},
		{"a Sandbox that is gone", sandboxes + "s", "", "belongs to no Sandbox"},
		{"another Sandbox of the name", sandboxes + "s", `{"metadata": {"uid": "9"}}`, "belongs to no Sandbox"},
	} {
		t.Run(c.what, func(t *testing.T) {
			answers := maps.Clone(good)
			answers[c.path] = c.answer
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				var sent struct{ Spec struct{ Token string } }
				if r.Method == http.MethodPost && (json.NewDecoder(r.Body).Decode(&sent) != nil || sent.Spec.Token != "projected") {
					t.Errorf("%s reviews %q", r.URL, sent.Spec.Token)
				}
				if answers[r.URL.Path] == "" {
					http.NotFound(w, r)
				}
				_, _ = io.WriteString(w, answers[r.URL.Path])
			}))
			defer server.Close()
			got, err := clusterAt(t, server).sandboxOf(t.Context(), "projected", "sandboxes")
			if (err == nil) != (c.problem == "") || err != nil && !strings.Contains(err.Error(), c.problem) || err == nil && got != "s1" {
				t.Errorf("%q, %v, want %q", got, err, c.problem)
			}
		})
	}
	if _, err := (*cluster)(nil).sandboxOf(t.Context(), "projected", "sandboxes"); err == nil {
		t.Error("a gateway outside of a cluster identifies a supervisor")
	}
}

func clusterAt(t *testing.T, server *httptest.Server) *cluster {
	t.Helper()
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("own"), 0o600); err != nil {
		t.Fatal(err)
	}
	return &cluster{url: server.URL, namespace: "tenant-a", tokenFile: token, client: server.Client()}
}

func TestListSandboxes(t *testing.T) {
	for served, want := range map[string]string{"v1beta1": "", "v1alpha1": "", "none": "the server could not find", "forbidden": "HTTP status 403"} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case served == "forbidden":
				w.WriteHeader(http.StatusForbidden)
			case !strings.Contains(r.URL.Path, "/"+served+"/"):
				w.WriteHeader(http.StatusNotFound)
			default:
				_, _ = io.WriteString(w, "{}")
			}
		}))
		err := clusterAt(t, server).listSandboxes(t.Context())
		server.Close()
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", served, err, want)
		}
	}
}
