package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// TestOperatorKeepsNoPrivateKey looks for keys in a dump of the live heap. The operator runs in this very process, so the
// keys come into it by no other way: what is looked for is fetched and searched by other programs.
func TestOperatorKeepsNoPrivateKey(t *testing.T) {
	const namespace = "keeps-no-key"
	cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{})
	waitReady(t, namespace)
	settle(t)
	dump, err := os.Create(filepath.Join(t.TempDir(), "heap"))
	if err != nil {
		t.Fatal(err)
	}
	defer dump.Close()
	runtime.GC()
	runtime.GC() // the second sweeps what the first marked as garbage
	debug.WriteHeapDump(dump.Fd())

	// That certificates are found shows that a key would be.
	for _, c := range []struct {
		secret, key string
		found       bool
	}{
		{manifests.ServerTLSName, "tls.crt", true},
		{manifests.CAName, "tls.crt", true},
		{manifests.CAName, "tls.key", false},
		{manifests.ServerTLSName, "tls.key", false},
		{manifests.ClientTLSName, "tls.key", false},
		{manifests.TokenKeysName, "signing.pem", false},
	} {
		if found := inFile(t, dump.Name(), namespace, c.secret, c.key); found != c.found {
			t.Errorf("%s of Secret %s is in the operator's memory: %v, want %v", c.key, c.secret, found, c.found)
		}
	}
}

// inFile tells whether the second line of a PEM text in a Secret, which is the first of what it encodes, is in a file.
func inFile(t *testing.T, file, namespace, secret, key string) bool {
	t.Helper()
	const script = `set -o pipefail
		line=$("$1" get secret -n "$2" "$3" -o jsonpath="{.data.${4/./\\.}}" | base64 -d | sed -n 2p)
		[ ${#line} -gt 40 ] || exit 3
		LC_ALL=C grep -c -F -e "$line" "$5"`
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	if err := cluster.WriteKubeconfig(kubeconfig, cluster.Config()); err != nil {
		t.Fatal(err)
	}
	command := exec.Command("bash", "-c", script, "bash", "../../bin/kubectl", namespace, secret, key, file)
	command.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig)
	output, err := command.CombinedOutput()
	count := strings.TrimSpace(string(output))
	if err != nil && count != "0" {
		t.Fatalf("%v: %s", err, output)
	}
	return count != "0"
}

// TestOperatorMayOnlyReadTheFourSecrets asks the API server.
func TestOperatorMayOnlyReadTheFourSecrets(t *testing.T) {
	may := func(verb, name string) bool {
		t.Helper()
		review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
			User: "system:serviceaccount:" + platformNamespace + ":gatewaytenant-operator",
			ResourceAttributes: &authorizationv1.ResourceAttributes{
				Verb: verb, Version: "v1", Resource: "secrets", Namespace: "any", Name: name,
			},
		}}
		cluster.Create(t, review)
		return review.Status.Allowed
	}
	for _, name := range append(manifests.SecretNames[:], "any", "") {
		for _, verb := range []string{"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"} {
			want := name != "any" && name != "" && (verb == "list" || verb == "watch")
			if got := may(verb, name); got != want {
				t.Errorf("the operator may %s Secret %q: %v, want %v", verb, name, got, want)
			}
		}
	}
	for _, request := range operator.Take(func(request string) bool { return strings.Contains(request, "/secrets") }) {
		if !strings.Contains(request, "watch=true") {
			t.Errorf("the operator asked: %s", request)
		}
	}
}
