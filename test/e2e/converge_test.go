package e2e

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"math/big"
	"reflect"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/metadata"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates/issuer"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// requestFor makes a namespace with a GatewayTenant that the operator leaves alone, and what its certgen is asked for.
func requestFor(t *testing.T, namespace string) issuer.Request {
	t.Helper()
	cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{Suspend: true})
	request := issuer.Request{Namespace: namespace, Lifetimes: certificates.DefaultLifetimes}
	request.Owner = get(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name).UID
	request.ServerNames = []string{hostOf(namespace)}
	request.Lifetimes.TrustDelay = 0
	tenants, err := metadata.NewForConfig(cluster.Config())
	if err != nil {
		t.Fatal(err)
	}
	request.Tenants = tenants.Resource(v1alpha1.GroupVersion.WithResource("gatewaytenants")).Namespace(namespace)
	return request
}

// converge runs certgen's own function.
func converge(ctx context.Context, t *testing.T, request issuer.Request) error {
	t.Helper()
	clientset, err := corev1client.NewForConfig(cluster.Config())
	if err != nil {
		t.Fatal(err)
	}
	done, err := issuer.Converge(ctx, clientset.Secrets(request.Namespace), request, time.Now())
	t.Log(done, err)
	return err
}

// TestNewAuthorityIsTrustedLongEnoughBeforeItIsShown, also if what made it trusted is another run than what shows it, and
// though there are no token keys yet.
func TestNewAuthorityIsTrustedLongEnoughBeforeItIsShown(t *testing.T) {
	t.Parallel()
	const namespace, delay = "trusted-first", 6 * time.Second
	request := requestFor(t, namespace)
	request.ServerNames, request.Lifetimes.TrustDelay = append(request.ServerNames, "new.example.com"), delay
	secrets := upstreamSecrets(t, namespace)
	cluster.Create(t, secrets[0])
	cluster.Create(t, secrets[1])
	shown := make(chan time.Duration, 1)
	began := time.Now()
	inBackground(t, func(ctx context.Context) {
		for pause(ctx, 50*time.Millisecond) {
			if !bytes.Equal(get(t, &corev1.Secret{}, namespace, manifests.ServerTLSName).Data["tls.crt"], secrets[0].Data["tls.crt"]) {
				shown <- time.Since(began)
				return
			}
		}
	})
	interrupted, cancel := context.WithTimeout(t.Context(), delay/2)
	defer cancel()
	if err := converge(interrupted, t, request); err == nil {
		t.Fatal("it was to be interrupted")
	}
	if err := converge(t.Context(), t, request); err != nil {
		t.Fatal(err)
	}
	if after := <-shown; after < delay-time.Second || after > delay+3*time.Second {
		t.Errorf("the new authority was shown after %s, want about %s", after, delay)
	}
}

// TestAuthorityThatCannotSignIsReplacedOnce, when its user hands it over: certificates that it signed would never do.
func TestAuthorityThatCannotSignIsReplacedOnce(t *testing.T) {
	t.Parallel()
	const namespace = "cannot-sign"
	request := requestFor(t, namespace)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(20 * 365 * 24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cluster.Create(t, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: manifests.CAName, Namespace: namespace}, Type: corev1.SecretTypeTLS,
		Data: map[string][]byte{"tls.crt": encode("CERTIFICATE", der), "tls.key": encodePrivate(t, key)},
	})
	ca := get(t, &corev1.Secret{}, namespace, manifests.CAName)
	if err := converge(t.Context(), t, request); err != nil {
		t.Fatal(err)
	}
	if is := get(t, &corev1.Secret{}, namespace, manifests.CAName); is.ResourceVersion != ca.ResourceVersion {
		t.Error("a user's CA was written before it was handed over")
	}
	metav1.SetMetaDataAnnotation(&ca.ObjectMeta, v1alpha1.AnnotationHandOver, v1alpha1.HandOverToOperator)
	if err := admin.Update(t.Context(), ca); err != nil {
		t.Fatal(err)
	}
	if err := converge(t.Context(), t, request); err != nil {
		t.Fatal(err)
	}
	before := secretsOf(t, namespace)
	if err := converge(t.Context(), t, request); err != nil {
		t.Fatal(err)
	}
	after := secretsOf(t, namespace)
	for _, name := range []string{manifests.CAName, manifests.ServerTLSName, manifests.ClientTLSName} {
		if !reflect.DeepEqual(before[name].Data, after[name].Data) {
			t.Errorf("Secret %s was made anew again", name)
		}
	}
	bothSidesFit(t, namespace)
}

// TestFormerAuthoritiesGoEachAtItsTime, however often the authority is rotated.
func TestFormerAuthoritiesGoEachAtItsTime(t *testing.T) {
	t.Parallel()
	const namespace, overlap = "rotated-often", 4 * time.Second
	request := requestFor(t, namespace)
	request.Lifetimes.Overlap = overlap
	rotate := func(value string) {
		t.Helper()
		request.Rotation.CA = value
		if err := converge(t.Context(), t, request); err != nil {
			t.Fatal(err)
		}
		bothSidesFit(t, namespace)
	}
	rotate("")
	for _, value := range []string{"1", "2", "3", "4", "5", "6"} {
		rotate(value)
		time.Sleep(overlap / 2) // Each authority is trusted for overlap.
	}
	data := secretsOf(t, namespace)[manifests.ServerTLSName].Data
	for _, key := range []string{"ca.crt", "tls.crt"} {
		if n := bytes.Count(data[key], []byte("BEGIN")); n > 4 {
			t.Errorf("%s holds %d certificates after rotations 2 s apart that overlap by 4 s", key, n)
		}
	}
	time.Sleep(overlap) // The trust in the last previous authority ends.
	rotate("6")
	data = secretsOf(t, namespace)[manifests.ServerTLSName].Data
	for _, key := range []string{"ca.crt", "tls.crt"} {
		if n := bytes.Count(data[key], []byte("BEGIN")); n != 1 {
			t.Errorf("%s holds %d certificates when all former authorities' time is over", key, n)
		}
	}
}

// TestSecretOfAnotherControllerIsNeverWritten, nor what would need that.
func TestSecretOfAnotherControllerIsNeverWritten(t *testing.T) {
	t.Parallel()
	const namespace = "another-controllers"
	request := requestFor(t, namespace)
	request.ServerNames = append(request.ServerNames, "new.example.com")
	owner := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "owner", Namespace: namespace}}
	cluster.Create(t, owner)
	yes := true
	secrets := upstreamSecrets(t, namespace)
	secrets[1].OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: owner.Name, UID: owner.UID, Controller: &yes}}
	for _, secret := range secrets {
		cluster.Create(t, secret)
	}
	if err := converge(t.Context(), t, request); err != nil {
		t.Fatal(err)
	}
	for _, secret := range secrets[:2] {
		if after := get(t, &corev1.Secret{}, namespace, secret.Name); !reflect.DeepEqual(after.Data, secret.Data) {
			t.Errorf("Secret %s was written", secret.Name)
		}
	}
	seen := certificates.Inspect(present(t, namespace, true), request.Desired, time.Now())
	if finding := seen.Finding(manifests.ServerTLSName); finding.Need != certificates.Invalid || finding.Blocked == "" {
		t.Errorf("what is found: %+v; want one that certgen cannot help", finding)
	}
}
