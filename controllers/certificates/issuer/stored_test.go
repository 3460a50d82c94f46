package issuer

import (
	"fmt"
	"testing"
	"time"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// TestStoredIsWhenTheCertificateWasWritten, whichever client wrote it, and not when another field of its Secret was.
func TestStoredIsWhenTheCertificateWasWritten(t *testing.T) {
	at := func(minutes int) *metav1.Time {
		return &metav1.Time{Time: now.Add(time.Duration(minutes) * time.Minute)}
	}
	entry := func(manager, key string, when *metav1.Time) metav1.ManagedFieldsEntry {
		return metav1.ManagedFieldsEntry{Manager: manager, Operation: metav1.ManagedFieldsOperationUpdate, Time: when, FieldsV1: metav1.NewFieldsV1(fmt.Sprintf(`{"f:data":{"f:%s":{}}}`, key))}
	}
	for _, c := range []struct {
		what    string
		entries []metav1.ManagedFieldsEntry
		want    *metav1.Time
	}{
		{"certgen", []metav1.ManagedFieldsEntry{entry(manifests.CertgenName, "tls.crt", at(5))}, at(5)},
		{"another issuer", []metav1.ManagedFieldsEntry{entry("cert-manager", "tls.crt", at(5))}, at(5)},
		{"the last of two", []metav1.ManagedFieldsEntry{entry("a", "tls.crt", at(7)), entry("b", "tls.crt", at(5))}, at(7)},
		{"a client that added a key", []metav1.ManagedFieldsEntry{entry("a", "tls.crt", at(5)), entry("b", "notes", at(7))}, at(5)},
		{"no client that is known", nil, at(1)},
		{"an entry without a time", []metav1.ManagedFieldsEntry{entry("a", "tls.crt", nil)}, at(1)},
	} {
		secrets := issued(t, "a.example.com")
		secret := secrets[manifests.ServerTLSName].DeepCopy()
		secret.CreationTimestamp, secret.ManagedFields = *at(1), c.entries
		object, err := certificates.Transform(secret)
		if err != nil {
			t.Fatal(err)
		}
		transformed := object.(*corev1.Secret)
		observed := certificates.Inspect(map[string]*corev1.Secret{secret.Name: transformed}, desiredState(), now)
		if !observed.ServerStored.Equal(c.want.Time) {
			t.Errorf("written by %s: stored at %s, want %s", c.what, observed.ServerStored, c.want)
		}
	}
	if observed := certificates.Inspect(nil, desiredState(), now); !observed.ServerStored.IsZero() {
		t.Errorf("without a Secret: stored at %s", observed.ServerStored)
	}
}
