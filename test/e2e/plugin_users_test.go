package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// TestOrdinaryUsersOperateTheirGateway: the rights on GatewayTenants and on one Secret are enough.
func TestOrdinaryUsersOperateTheirGateway(t *testing.T) {
	t.Parallel()
	const namespace, user = "operated", "somebody"
	cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{})
	waitReady(t, namespace)
	as := func(args ...string) (string, int) {
		return kubectlGatewayTenant(t, append([]string{"--as=" + user, "-n", namespace}, args...)...)
	}
	bind := func(kind, name string) {
		cluster.Create(t, &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: "somebody-" + name, Namespace: namespace},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: kind, Name: name},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
		})
	}
	succeeds := func(words string, args ...string) {
		t.Helper()
		cluster.Eventually(t, 5*time.Second, func() error { // the authorizer reads from a cache
			if out, code := as(args...); code != 0 || !strings.Contains(out, words) {
				return fmt.Errorf("%v: exit code %d, %s; want %q", args, code, out, words)
			}
			return nil
		})
	}
	if out, code := as("status"); code != 1 || !strings.Contains(out, "forbidden") {
		t.Fatalf("without any right: exit code %d, %s", code, out)
	}
	bind("ClusterRole", "gatewaytenant-admin")
	succeeds("Ready: the gateway serves", "status")
	succeeds("unseen  Secret openshell-server-tls", "status")

	succeeds("nobody notices", "rotate", "tls", "--value=first")
	cluster.Eventually(t, 15*time.Second, func() error {
		if rotated := get(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name).Status.Rotated; rotated == nil || rotated.TLS != "first" {
			return fmt.Errorf("rotated is %+v", rotated)
		}
		return nil
	})
	if out, code := as("rotate", "tls", "--value=first"); code != 1 || !strings.Contains(out, "asked for already") {
		t.Errorf("the same value again: exit code %d, %s", code, out)
	}
	succeeds("is suspended", "suspend")
	waitCondition(t, namespace, v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonSuspended)
	succeeds("is looked after", "resume")
	waitReady(t, namespace)

	dir := filepath.Join(t.TempDir(), "bundle")
	if out, code := as("connect", "--dir", dir); code != 1 || !strings.Contains(out, "may not read it") {
		t.Errorf("without the right to read the Secret: exit code %d, %s", code, out)
	}
	cluster.Create(t, &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Name: "client", Namespace: namespace},
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"secrets"}, ResourceNames: []string{"openshell-client-tls"}, Verbs: []string{"get"}}},
	})
	bind("Role", "client")
	succeeds("port-forward -n operated service/openshell-gateway 8080:8080", "connect", "--dir", dir)
	bundleOpens(t, dir, get(t, &corev1.Secret{}, namespace, "openshell-server-tls"))
}

// bundleOpens fails the test unless a client with the bundle and the gateway trust each other.
func bundleOpens(t *testing.T, dir string, server *corev1.Secret) {
	t.Helper()
	for _, name := range []string{"ca.crt", "tls.crt", "tls.key"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key"))
	if err != nil {
		t.Fatal(err)
	}
	authorities, err := os.ReadFile(filepath.Join(dir, "ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	clientTrusts, serverTrusts := x509.NewCertPool(), x509.NewCertPool()
	if !clientTrusts.AppendCertsFromPEM(authorities) || !serverTrusts.AppendCertsFromPEM(server.Data["ca.crt"]) {
		t.Fatal("an authority cannot be read")
	}
	if _, err := pair.Leaf.Verify(x509.VerifyOptions{Roots: serverTrusts, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
		t.Errorf("the gateway does not trust the client: %v", err)
	}
	block, _ := pem.Decode(server.Data["tls.crt"])
	shown, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := shown.Verify(x509.VerifyOptions{Roots: clientTrusts, DNSName: "localhost"}); err != nil {
		t.Errorf("the client does not trust the gateway: %v", err)
	}
}
