package issuer

import (
	"reflect"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates/internal/format"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// TestSecretThatIsHandedOverIsManagedFully: it gets an owner, the marks of its issuer and the annotation go, and a name
// that it lacks is added.
func TestSecretThatIsHandedOverIsManagedFully(t *testing.T) {
	secrets := marked(corporateSecrets(t, "a.example.com"), map[string]string{"controller.cert-manager.io/fao": "true", "team": "a"}, nil)
	for _, secret := range secrets {
		secret.Annotations = map[string]string{"openshell.ambient-code.io/hand-over": "to-operator", "note": "b"}
	}
	after, err := converges(t, secrets, desiredState(), now)
	if err != nil {
		t.Fatal(err)
	}
	after, err = converges(t, after.secrets, desiredState("b.example.com"), now)
	if err != nil {
		t.Fatal(err)
	}
	for name, before := range secrets {
		is := after.secrets[name]
		_, marked := is.Labels["controller.cert-manager.io/fao"]
		_, handed := is.Annotations["openshell.ambient-code.io/hand-over"]
		if marked || handed || is.Labels["team"] != "a" || is.Annotations["note"] != "b" || !format.OwnedBy(is, "tenant") || reflect.DeepEqual(is.Data, before.Data) {
			t.Errorf("Secret %s: %+v", name, is.ObjectMeta)
		}
		if !trusts(t, is, before.Data[format.KeyCA]) {
			t.Errorf("Secret %s no longer trusts the corporate root", name)
		}
	}
	if observed := certificates.Inspect(transformed(t, after.secrets), desiredState("b.example.com"), now); len(observed.Findings) > 0 {
		t.Errorf("left: %v", observed.Findings)
	}
}

// TestSetWithoutOwnersIsTakenOverAsItIs, after a deletion that orphans or a restore that drops owners and managed fields,
// whichever of the others is lost.
func TestSetWithoutOwnersIsTakenOverAsItIs(t *testing.T) {
	first, err := converges(t, nil, desiredState(), now)
	if err != nil {
		t.Fatal(err)
	}
	for _, lost := range append([]string{""}, manifests.SecretNames[:]...) {
		secrets := map[string]*corev1.Secret{}
		for name, secret := range first.secrets {
			if name != lost {
				secrets[name] = secret.DeepCopy()
				secrets[name].OwnerReferences, secrets[name].ManagedFields = nil, []metav1.ManagedFieldsEntry{entry("velero", now, ownsPair)}
			}
		}
		desired := desiredState()
		desired.Owner = "recreated"
		after, err := converges(t, secrets, desired, now)
		if err != nil {
			t.Fatal(err)
		}
		for name, before := range secrets {
			if is := after.secrets[name]; !reflect.DeepEqual(is.Data, before.Data) || !format.OwnedBy(is, "recreated") {
				t.Errorf("without %q: Secret %s has the owners %v; same data: %v", lost, name, is.OwnerReferences, reflect.DeepEqual(is.Data, before.Data))
			}
		}
		if observed := certificates.Inspect(transformed(t, after.secrets), desired, now); len(observed.Findings) > 0 {
			t.Errorf("without %q: left: %v", lost, observed.Findings)
		}
	}
}

// TestCAFileThatHoldsOnlyAByteOrderMark beside a missing Secret is reported like any other that cannot be read.
func TestCAFileThatHoldsOnlyAByteOrderMark(t *testing.T) {
	secrets := corporateSecrets(t, "a.example.com")
	delete(secrets, manifests.ServerTLSName)
	secrets[manifests.ClientTLSName].Data[format.KeyCA] = []byte(format.ByteOrderMark + "x")
	finding := certificates.Inspect(transformed(t, secrets), desiredState(), now).Finding(manifests.ClientTLSName)
	if finding.Need != certificates.Invalid {
		t.Errorf("the finding is %+v, want an invalid Secret", finding)
	}
}
