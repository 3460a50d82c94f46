package peers

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/audit"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

var (
	during   = flag.Duration("during", 3*time.Minute, "how long cert-manager renews certificates next to the operator")
	interval = flag.Duration("interval", time.Minute, "how long after one renewal the next one is forced")
)

// certificates are a CA in the tenant's namespace, as a platform sets it up, and two short-lived certificates of it. The keys
// change with each renewal, which is cert-manager's default.
const certificates = `
apiVersion: cert-manager.io/v1
kind: Issuer
metadata: {name: self, namespace: NAMESPACE}
spec: {selfSigned: {}}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: corporate, namespace: NAMESPACE}
spec: {isCA: true, commonName: Corporate CA, secretName: corporate-ca, duration: 24h, issuerRef: {name: self, kind: Issuer}, privateKey: {algorithm: ECDSA, size: 256}}
---
apiVersion: cert-manager.io/v1
kind: Issuer
metadata: {name: corporate, namespace: NAMESPACE}
spec: {ca: {secretName: corporate-ca}}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: openshell-server, namespace: NAMESPACE}
spec:
  secretName: openshell-server-tls
  duration: 1h
  renewBefore: 50m
  dnsNames: [openshell-gateway, openshell-gateway.NAMESPACE.svc, openshell-gateway.NAMESPACE.svc.cluster.local]
  usages: [server auth]
  issuerRef: {name: corporate, kind: Issuer}
  privateKey: {algorithm: ECDSA, size: 256}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: openshell-client, namespace: NAMESPACE}
spec:
  secretName: openshell-client-tls
  duration: 1h
  renewBefore: 50m
  commonName: openshell-client
  usages: [client auth]
  issuerRef: {name: corporate, kind: Issuer}
  privateKey: {algorithm: ECDSA, size: 256}
`

var tlsSecrets = []string{manifests.ServerTLSName, manifests.ClientTLSName}

// requestCertificates creates the Certificates of a namespace.
func requestCertificates(t *testing.T, namespace string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "certificates.yaml")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(certificates, "NAMESPACE", namespace)), 0o600); err != nil {
		t.Fatal(err)
	}
	kubectl(t, "apply", "-f", file)
}

func kubectl(t *testing.T, args ...string) string {
	t.Helper()
	output, err := cluster.Kubectl(t.Context(), args...)
	if err != nil {
		t.Fatal(err)
	}
	return output
}

// renew forces a renewal of both certificates.
func renew(t *testing.T, namespace string) {
	t.Helper()
	for _, name := range []string{"openshell-server", "openshell-client"} {
		kubectl(t, "patch", "certificate", name, "-n", namespace, "--subresource=status", "--type=json", "-p",
			fmt.Sprintf(`[{"op":"add","path":"/status/conditions/-","value":{"type":"Issuing","status":"True","reason":"Forced","message":"by a test","lastTransitionTime":%q}}]`, time.Now().UTC().Format(time.RFC3339)))
	}
}

// writes counts the writes to a namespace since a mark by who writes what, but for Events.
func writes(t *testing.T, log *audit.Log, mark int, namespace string) (ours []string, secretsByCertManager int) {
	t.Helper()
	requests, err := log.Since(mark)
	if err != nil {
		t.Fatal(err)
	}
	users := []string{audit.ServiceAccount(operatortest.PlatformNamespace, operatortest.OperatorName), audit.ServiceAccount(namespace, manifests.CertgenName)}
	for _, r := range requests {
		switch {
		case r.Namespace != namespace || !r.IsWrite() || r.Resource == "events":
		case slices.Contains(users, r.User):
			ours = append(ours, r.String())
		case r.User == audit.ServiceAccount(certManagerName, certManagerName) && r.Resource == "secrets" && slices.Contains(tlsSecrets, r.Name):
			secretsByCertManager++
		}
	}
	return ours, secretsByCertManager
}

// check returns an error unless the tenant is Ready without a warning, and cert-manager's Secrets are as it writes them.
func check(t *testing.T, namespace string) error {
	t.Helper()
	tenant, err := operatortest.TenantWith(t.Context(), cluster.Client, namespace, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady)
	if err != nil {
		return err
	}
	if warning := meta.FindStatusCondition(tenant.Status.Conditions, v1alpha1.ConditionWarning); warning == nil || warning.Reason != v1alpha1.ReasonOpenDefault {
		return fmt.Errorf("Warning is %+v", warning)
	}
	for _, name := range tlsSecrets {
		secret := &corev1.Secret{}
		if err := cluster.Client.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, secret); err != nil {
			return err
		}
		if secret.Annotations["cert-manager.io/certificate-name"] == "" || len(secret.OwnerReferences) > 0 {
			return fmt.Errorf("Secret %s has the annotations %v and the owners %v", name, secret.Annotations, secret.OwnerReferences)
		}
	}
	return nil
}

// TestCertManagerRenewsNextToTheOperator: cert-manager issues both certificates and renews them again and again. Neither the operator
// nor certgen writes anything but the new expiry into the status, the tenant stays Ready, and clients always connect.
func TestCertManagerRenewsNextToTheOperator(t *testing.T) {
	const namespace = "renewed"
	cluster.CreateNamespace(t, namespace)
	requestCertificates(t, namespace)
	kubectl(t, "wait", "--for=condition=Ready", "--timeout=120s", "-n", namespace, "certificate/openshell-server", "certificate/openshell-client")
	cluster.Create(t, operatortest.Tenant(namespace, v1alpha1.GatewayTenantSpec{}))
	cluster.WaitReady(t, 60*time.Second, namespace)
	report := shakeHands(t, namespace)
	time.Sleep(2 * time.Second) // until the lines of the creation are in the audit log
	log := audit.NewLog(cluster.AuditLog())
	mark, err := log.Mark()
	if err != nil {
		t.Fatal(err)
	}
	next, forced := time.Now(), 0
	for end := time.Now().Add(*during); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if time.Now().After(next) {
			renew(t, namespace)
			next, forced = next.Add(*interval), forced+1
		}
		if err := check(t, namespace); err != nil {
			t.Fatal(err)
		}
	}
	report()
	ours, theirs := writes(t, log, mark, namespace)
	t.Logf("after %d forced renewals: %d writes of the TLS Secrets by cert-manager, and %d of the status by the operator", forced, theirs, len(ours))
	if theirs < 2*forced {
		t.Errorf("cert-manager wrote the Secrets %d times", theirs)
	}
	const expiry = "patch gatewaytenants/status " + namespace + "/" + v1alpha1.Name
	if others := slices.DeleteFunc(slices.Clone(ours), func(write string) bool { return write == expiry }); len(others) > 0 || len(ours) > theirs {
		t.Errorf("the operator and certgen wrote %q", ours)
	}
}

// TestDeletedSecretIsReissuedByCertManager, whichever it is and also if both are deleted, and not by certgen.
func TestDeletedSecretIsReissuedByCertManager(t *testing.T) {
	const namespace = "deleted"
	cluster.CreateNamespace(t, namespace)
	requestCertificates(t, namespace)
	kubectl(t, "wait", "--for=condition=Ready", "--timeout=120s", "-n", namespace, "certificate/openshell-server", "certificate/openshell-client")
	cluster.Create(t, operatortest.Tenant(namespace, v1alpha1.GatewayTenantSpec{}))
	cluster.WaitReady(t, 60*time.Second, namespace)
	log := audit.NewLog(cluster.AuditLog())
	for _, names := range [][]string{{manifests.ServerTLSName}, {manifests.ClientTLSName}, tlsSecrets} {
		t.Run(strings.Join(names, " and "), func(t *testing.T) {
			report := shakeHands(t, namespace)
			mark, err := log.Mark()
			if err != nil {
				t.Fatal(err)
			}
			deleted := time.Now()
			kubectl(t, append([]string{"delete", "secret", "-n", namespace}, names...)...)
			cluster.Eventually(t, 60*time.Second, func() error { return check(t, namespace) })
			t.Logf("Ready again after %s", time.Since(deleted).Round(100*time.Millisecond))
			time.Sleep(clientLag + time.Second)
			report()
			ours, _ := writes(t, log, mark, namespace)
			if certgen := slices.DeleteFunc(slices.Clone(ours), func(write string) bool { return strings.Contains(write, "gatewaytenants/status") }); len(certgen) > 0 {
				t.Errorf("the operator and certgen wrote %q", ours)
			}
		})
	}
}

// TestCertificatesAndTenantAtTheSameTime, as GitOps applies them: certgen may be first, and cert-manager then adopts a certificate that fits.
// After the command in the message, cert-manager has issued all of them.
func TestCertificatesAndTenantAtTheSameTime(t *testing.T) {
	const namespace = "together"
	cluster.CreateNamespace(t, namespace)
	cluster.Create(t, operatortest.Tenant(namespace, v1alpha1.GatewayTenantSpec{}))
	requestCertificates(t, namespace)
	cluster.Eventually(t, 90*time.Second, func() error {
		tenant := operatortest.Get(t, cluster.Access, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name)
		if is := meta.FindStatusCondition(tenant.Status.Conditions, v1alpha1.ConditionCertificatesReady); is != nil && is.Reason == v1alpha1.ReasonSecretBlocked {
			for _, name := range tlsSecrets { // cert-manager adopts a certificate that certgen issued if it fits
				if command := "delete secret " + name + " -n " + namespace; strings.Contains(is.Message, "kubectl "+command) {
					t.Log(is.Message)
					kubectl(t, strings.Fields(command)...)
				}
			}
		}
		return check(t, namespace)
	})
	log := audit.NewLog(cluster.AuditLog())
	mark, err := log.Mark()
	if err != nil {
		t.Fatal(err)
	}
	report := shakeHands(t, namespace)
	time.Sleep(15 * time.Second)
	report()
	if ours, _ := writes(t, log, mark, namespace); len(ours) > 0 {
		t.Errorf("the operator and certgen wrote %q", ours)
	}
	if err := check(t, namespace); err != nil {
		t.Error(err)
	}
}
