package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLargeListIsAppliedOnTheServerSide, since kubectl apply keeps a copy in an annotation, which is limited to 256 KiB. The ConfigMap is
// not in the operator's namespace, so that no tenant is made.
func TestLargeListIsAppliedOnTheServerSide(t *testing.T) {
	t.Parallel()
	const namespace = "large-list"
	cluster.CreateNamespace(t, namespace)
	var text strings.Builder
	fmt.Fprintf(&text, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: platform-config, namespace: %s}\ndata:\n  namespaces: |\n", namespace)
	for i := 0; text.Len() < 300<<10; i++ {
		fmt.Fprintf(&text, "    - {name: tenant-%d, gateway: {serverDnsNames: [gateway.tenant-%d.example.com]}}\n", i, i)
	}
	file := filepath.Join(t.TempDir(), "platform-config.yaml")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := cluster.Kubectl(t.Context(), "apply", "-f", file); err == nil || !strings.Contains(err.Error(), "Too long") {
		t.Errorf("kubectl apply: %v; the docs say that it is rejected", err)
	}
	for range 2 { // to create it, and to update it
		if out, err := cluster.Kubectl(t.Context(), "apply", "--server-side", "-f", file); err != nil {
			t.Errorf("kubectl apply --server-side: %s, %v", out, err)
		}
	}
}
