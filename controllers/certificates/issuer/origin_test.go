package issuer

import (
	"crypto/x509/pkix"
	"reflect"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates/internal/format"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// mark is a label or annotation of an issuer on both Secrets.
func marked(secrets map[string]*corev1.Secret, labels, annotations map[string]string) map[string]*corev1.Secret {
	for _, secret := range secrets {
		secret.Labels, secret.Annotations = labels, annotations
	}
	return secrets
}

// TestSecretsOfAnotherIssuerAreNeitherWrittenNorOwned while they fit, and block the tenant when they do not.
func TestSecretsOfAnotherIssuerAreNeitherWrittenNorOwned(t *testing.T) {
	for what, make := range map[string]func() map[string]*corev1.Secret{
		"cert-manager's": func() map[string]*corev1.Secret {
			return marked(corporateSecrets(t, "a.example.com"), map[string]string{"controller.cert-manager.io/fao": "true"}, map[string]string{"cert-manager.io/certificate-name": "x"})
		},
		"External Secrets'": func() map[string]*corev1.Secret {
			return marked(corporateSecrets(t, "a.example.com"), map[string]string{"reconcile.external-secrets.io/managed": "true"}, nil)
		},
		"OpenShift's": func() map[string]*corev1.Secret {
			return marked(corporateSecrets(t, "a.example.com"), nil, map[string]string{"service.beta.openshift.io/originating-service-name": "x"})
		},
		"a user's": func() map[string]*corev1.Secret { return corporateSecrets(t, "a.example.com") },
	} {
		t.Run(what, func(t *testing.T) {
			secrets := make()
			for round, desired := range []certificates.Desired{desiredState(), {Owner: "tenant", ServerNames: desiredState().ServerNames, Rotation: manifests.Rotation{TLS: "1", CA: "1"}}, desiredState("b.example.com")} {
				after, err := converges(t, secrets, desired, now)
				if err != nil {
					t.Fatal(err)
				}
				for name, before := range secrets {
					if is := after.secrets[name]; after.writes[name] > 0 || len(is.OwnerReferences) > 0 || !reflect.DeepEqual(is.Data, before.Data) {
						t.Errorf("round %d: Secret %s was written %d times and has the owners %v", round, name, after.writes[name], is.OwnerReferences)
					}
				}
				finding := certificates.Inspect(transformed(t, after.secrets), desired, now).Finding(manifests.ServerTLSName)
				if lacks := round == 2; lacks != (finding.Need == certificates.Invalid && strings.Contains(finding.String(), "lacks b.example.com") && finding.Blocked != "") || !lacks && finding.Need != certificates.Valid {
					t.Errorf("round %d: %+v", round, finding)
				}
			}
		})
	}
}

// TestOwnerIsTakenOffASecretOfAnotherIssuer, which an earlier release took over or which the issuer took over since.
// That changes the metadata alone, also while the Secret does not fit.
func TestOwnerIsTakenOffASecretOfAnotherIssuer(t *testing.T) {
	for _, desired := range []certificates.Desired{desiredState(), desiredState("b.example.com")} {
		secrets := marked(corporateSecrets(t, "a.example.com"), nil, map[string]string{"cert-manager.io/certificate-name": "x"})
		for _, secret := range secrets {
			secret.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: "x", UID: "x"}, manifests.Owner("tenant")}
		}
		if !certificates.Inspect(transformed(t, secrets), desired, now).NeedsCertgen() {
			t.Error("there is no work for certgen")
		}
		after, err := converges(t, secrets, desired, now)
		if err != nil {
			t.Fatal(err)
		}
		for name, before := range secrets {
			is := after.secrets[name]
			if len(is.OwnerReferences) != 1 || is.OwnerReferences[0].UID != "x" || after.writes[name] != 1 || !reflect.DeepEqual(is.Data, before.Data) || !reflect.DeepEqual(is.Annotations, before.Annotations) {
				t.Errorf("%s was written %d times and is %+v", name, after.writes[name], is.ObjectMeta)
			}
		}
		if observed := certificates.Inspect(transformed(t, after.secrets), desired, now); observed.NeedsCertgen() {
			t.Errorf("there is work left: %v", observed.Findings)
		}
	}
}

// entry is one entry of managed fields that owns the given fields.
func entry(manager string, at time.Time, fields string) metav1.ManagedFieldsEntry {
	is := metav1.ManagedFieldsEntry{Manager: manager, Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: "v1", Time: &metav1.Time{Time: at}, FieldsType: "FieldsV1", FieldsV1: &metav1.FieldsV1{}}
	is.FieldsV1.SetRawBytes([]byte(fields))
	return is
}

const (
	ownsPair  = `{"f:data":{".":{},"f:tls.crt":{},"f:tls.key":{}}}`
	ownsOwner = `{"f:metadata":{"f:ownerReferences":{}}}`
	ownsCA    = `{"f:data":{"f:ca.crt":{}}}`
)

const notIssued = "was not issued by the operator, which therefore does not overwrite it"

// TestOriginOfASecret is the whole decision about the server's Secret.
func TestOriginOfASecret(t *testing.T) {
	replaced := func(s *corev1.Secret) { s.Data = corporateSecrets(t, "a.example.com")[manifests.ServerTLSName].Data }
	content := func(s *corev1.Secret) {
		metav1.SetMetaDataAnnotation(&s.ObjectMeta, format.AnnotationContent, format.ContentID(s))
	}
	orphan := func(s *corev1.Secret) { s.OwnerReferences = nil }
	fields := func(entries ...metav1.ManagedFieldsEntry) func(*corev1.Secret) {
		return func(s *corev1.Secret) { s.ManagedFields = entries }
	}
	handOver := func(s *corev1.Secret) {
		metav1.SetMetaDataAnnotation(&s.ObjectMeta, "openshell.ambient-code.io/hand-over", "to-operator")
	}
	certManagers := func(s *corev1.Secret) {
		metav1.SetMetaDataAnnotation(&s.ObjectMeta, "cert-manager.io/issuer-name", "x")
	}
	like := func(server, issuer, organization string) func(s *corev1.Secret) {
		return func(s *corev1.Secret) {
			s.Data = newCorporateOf(t, pkix.Name{CommonName: issuer, Organization: []string{organization}}, now.Add(-day), now.Add(day)).issue(server, now.Add(-day), now.Add(day), "a.example.com")
		}
	}
	later := now.Add(time.Minute)
	for _, c := range []struct {
		what    string
		changes []func(*corev1.Secret)
		refusal string // why certgen may not write it
	}{
		{"issued here", nil, ""},
		{"issued here, and orphaned", []func(*corev1.Secret){orphan}, ""},
		{"of another controller", []func(*corev1.Secret){func(s *corev1.Secret) { s.OwnerReferences[0] = stranger1 }}, "is controlled by Certificate server, which must change it"},
		{"of a former GatewayTenant", []func(*corev1.Secret){func(s *corev1.Secret) { s.OwnerReferences[0].UID = "former" }}, "is still being removed"},
		{"marked by cert-manager", []func(*corev1.Secret){orphan, replaced, certManagers}, "is written by cert-manager, which must change it"},
		{"written by certgen, and then marked by cert-manager, which adopts what fits", []func(*corev1.Secret){content, certManagers, func(s *corev1.Secret) { s.Namespace = "tenant-a" }}, "has the marks of cert-manager, and still the certificate or key that certgen issued; to let cert-manager issue its own: kubectl delete secret openshell-server-tls -n tenant-a"},
		{"marked by cert-manager, with our owner", []func(*corev1.Secret){replaced, certManagers}, "is written by cert-manager, which must change it"},
		{"marked by cert-manager, and handed over", []func(*corev1.Secret){orphan, replaced, certManagers, handOver}, ""},
		{"written by certgen, and replaced", []func(*corev1.Secret){content, replaced}, "is written by another client, which must change it"},
		{"written by certgen, and replaced by a manager", []func(*corev1.Secret){content, replaced, fields(entry("vault\x1b-sync", now, ownsPair))}, "is written by the field manager vault-sync, which must change it"},
		{"written by certgen, and replaced with its owner", []func(*corev1.Secret){content, replaced, orphan}, "is written by another client, which must change it"},
		{"written by certgen, replaced, and handed over", []func(*corev1.Secret){content, replaced, handOver}, ""},
		{"by cert-manager, without the marks, which a user removed", []func(*corev1.Secret){replaced, orphan, fields(entry("cert-manager-certificates-issuing", now, ownsPair))}, notIssued},
		{"written by certgen, and emptied", []func(*corev1.Secret){content, func(s *corev1.Secret) { s.Data = nil }, orphan}, ""},
		{"written by certgen, with a certificate that cannot be read", []func(*corev1.Secret){content, func(s *corev1.Secret) { s.Data[format.KeyCertificate] = format.EncodeDER([]byte("x")) }}, "is written by another client, which must change it"},
		{"written by certgen, and restored without its managed fields, owner and CA", []func(*corev1.Secret){replaced, content, orphan, fields(entry("velero", later, ownsPair))}, ""},
		{"written by certgen, with another ca.crt", []func(*corev1.Secret){content, func(s *corev1.Secret) {
			s.Data[format.KeyCA] = append(s.Data[format.KeyCA], otherCA[format.KeyCertificate]...)
		}, fields(entry("kubectl-edit", later, ownsCA))}, ""},
		{"empty, by an unknown client", []func(*corev1.Secret){func(s *corev1.Secret) { s.Data = nil }, orphan}, ""},
		{"empty, by cert-manager", []func(*corev1.Secret){func(s *corev1.Secret) { s.Data = nil }, orphan, certManagers}, "is written by cert-manager, which must change it"},
		{"by an earlier release", []func(*corev1.Secret){fields(entry(manifests.CertgenName, now, ownsPair))}, ""},
		{"by an earlier release, orphaned, without its CA", []func(*corev1.Secret){replaced, orphan, fields(entry(manifests.CertgenName, now, ownsPair))}, ""},
		{"taken over by an earlier release", []func(*corev1.Secret){replaced, fields(entry("generate-certs", now, ownsPair), entry(manifests.CertgenName, later, ownsOwner))}, ""},
		{"by an earlier release, and replaced", []func(*corev1.Secret){replaced, fields(entry(manifests.CertgenName, now, ownsOwner), entry("kubectl-edit", later, ownsPair))}, "is written by the field manager kubectl-edit, which must change it"},
		{"by OpenShell's generator", []func(*corev1.Secret){orphan, like("openshell-server", "openshell-ca", "openshell")}, ""},
		{"by OpenShell's generator, of another server", []func(*corev1.Secret){orphan, like("gateway", "openshell-ca", "openshell")}, notIssued},
		{"by cert-manager with the names of OpenShell's chart, without the marks, which a user removed", []func(*corev1.Secret){orphan, like("openshell-server", "openshell-ca", ""), fields(entry("cert-manager-certificates-issuing", now, ownsPair))}, notIssued},
		{"a user's, with our owner, which the user set", []func(*corev1.Secret){replaced, fields(entry("kubectl-create", now, ownsPair))}, notIssued},
		{"of another CA", []func(*corev1.Secret){orphan, like("openshell-server", "Example Root", "openshell")}, notIssued},
		{"of another CA, and handed over", []func(*corev1.Secret){orphan, like("openshell-server", "Example Root", "openshell"), handOver}, ""},
		{"another controller's, and handed over", []func(*corev1.Secret){func(s *corev1.Secret) { s.OwnerReferences[0] = stranger1 }, handOver}, "is controlled by Certificate server, which must change it"},
	} {
		secrets := issued(t, "a.example.com")
		if strings.Contains(c.what, "OpenShell's") {
			delete(secrets, manifests.ClientTLSName)
		}
		for _, change := range c.changes {
			change(secrets[manifests.ServerTLSName])
		}
		set, _ := certificates.InspectSet(transformed(t, secrets), desiredState(), now)
		if refusal := set.Refusal(manifests.ServerTLSName); refusal != c.refusal {
			t.Errorf("%s: %q; want %q", c.what, refusal, c.refusal)
		}
	}
}

// TestTokenKeysOfOthers: those under the generator's three keys are taken over; those of a known issuer, or beside which
// something else is kept, are not.
func TestTokenKeysOfOthers(t *testing.T) {
	for _, c := range []struct {
		what    string
		change  func(*corev1.Secret)
		refusal string
	}{
		{"as the generator writes them", func(*corev1.Secret) {}, ""},
		{"with another key", func(s *corev1.Secret) { s.Data["note"] = nil }, notIssued},
		{"from External Secrets", func(s *corev1.Secret) {
			s.Labels = map[string]string{"reconcile.external-secrets.io/managed": "true"}
		}, "is written by External Secrets, which must change it"},
	} {
		secrets := issued(t, "a.example.com")
		keys := secrets[manifests.TokenKeysName]
		keys.OwnerReferences = nil
		c.change(keys)
		desired := desiredState()
		desired.Rotation.Tokens = "1"
		after, err := converges(t, secrets, desired, now)
		if err != nil {
			t.Fatal(err)
		}
		set, _ := certificates.InspectSet(transformed(t, secrets), desired, now)
		if refusal := set.Refusal(keys.Name); refusal != c.refusal {
			t.Errorf("%s: %q, want %q", c.what, refusal, c.refusal)
		}
		if written := after.writes[keys.Name] > 0; written != (c.refusal == "") {
			t.Errorf("%s: written: %v", c.what, written)
		}
	}
}

// TestDeletedSecretOfAnotherIssuerIsNotIssuedInItsPlace, whichever of them and however many are missing, until a user creates an empty
// one, which is the operator's.
func TestDeletedSecretOfAnotherIssuerIsNotIssuedInItsPlace(t *testing.T) {
	_, ca := issuingCA(t)
	set := corporateSecrets(t, "a.example.com")
	set[manifests.CAName] = ca
	set[manifests.TokenKeysName] = &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: manifests.TokenKeysName, Namespace: "tenant-a", Labels: map[string]string{"reconcile.external-secrets.io/managed": "true"}}, Data: otherTokens}
	desired := desiredState()
	desired.External = certificates.Inspect(transformed(t, set), desired, now).External
	if len(desired.External) != len(manifests.SecretNames) {
		t.Fatalf("others write %v", desired.External)
	}
	for missing := range 1 << len(manifests.SecretNames) {
		secrets := map[string]*corev1.Secret{}
		for i, name := range manifests.SecretNames {
			if missing&(1<<i) == 0 {
				secrets[name] = set[name]
			}
		}
		observed := certificates.Inspect(transformed(t, secrets), desired, now)
		after, err := converges(t, secrets, desired, now)
		if err != nil || len(after.writes) > 0 || observed.NeedsCertgen() {
			t.Errorf("without %d: wrote %v, %v: %v", missing, after.writes, err, observed.Findings)
		}
		if !reflect.DeepEqual(observed.External, desired.External) {
			t.Errorf("without %d: others write %v", missing, observed.External)
		}
		for i, name := range manifests.SecretNames {
			if finding := observed.Finding(name); missing&(1<<i) != 0 && (finding.Need != certificates.Missing || !finding.External || finding.Blocked == "") {
				t.Errorf("without %d: %+v", missing, finding)
			}
		}
	}
	empty := map[string]*corev1.Secret{}
	for _, name := range manifests.SecretNames {
		empty[name] = &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "tenant-a"}, Type: corev1.SecretTypeOpaque}
	}
	after, err := converges(t, empty, desired, now)
	if observed := certificates.Inspect(transformed(t, after.secrets), desired, now); err != nil || len(observed.Findings) > 0 || len(observed.External) > 0 {
		t.Errorf("of empty Secrets: %v: %v; others write %v", err, observed.Findings, observed.External)
	}
}
