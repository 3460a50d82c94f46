package issuer

import (
	"crypto/x509"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates/internal/format"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// state is one way that a Secret may be found in, and what that calls for.
type state struct {
	what   string
	make   func(*corev1.Secret) *corev1.Secret
	only   string // the Secret that can be in this state; empty: each
	need   certificates.Need
	helped bool // certgen can help
}

var states = []state{
	{"absent", func(*corev1.Secret) *corev1.Secret { return nil }, "", certificates.Missing, true},
	{"fits", func(s *corev1.Secret) *corev1.Secret { return s }, "", certificates.Valid, false},
	{"lacks a name", withLeaf(manifests.ServerTLSName, "a.example.com"), manifests.ServerTLSName, certificates.Invalid, true},
	{"near its end", atAge(8), "", certificates.Due, true},
	{"at its end", atAge(13), "", certificates.Invalid, true},
	{"key does not fit", withData(func(data map[string][]byte) {
		data[format.KeyPrivateKey], data[format.KeySigning] = otherLeaf[format.KeyPrivateKey], otherTokens[format.KeySigning]
	}), "", certificates.Invalid, true},
	{"does not chain", withData(func(data map[string][]byte) {
		data[format.KeyCA] = otherCA[format.KeyCertificate]
	}), "leaf", certificates.Invalid, true},
	{"unparsable", withData(func(data map[string][]byte) {
		data[format.KeyCertificate], data[format.KeySigning] = []byte("x"), []byte("x")
	}), "", certificates.Invalid, true},
	{"wrong type, and fits", withType("example.com/any", false), "", certificates.Valid, false},
	{"wrong type, and unparsable", withType("example.com/any", true), "", certificates.Invalid, false},
	{"Opaque, and unparsable", withType(corev1.SecretTypeOpaque, true), "", certificates.Invalid, true},
	{"may not sign", func(s *corev1.Secret) *corev1.Secret {
		s.Data = maySign(x509.KeyUsageDigitalSignature)
		return s
	}, manifests.CAName, certificates.Invalid, true},
	{"signs for servers only", func(s *corev1.Secret) *corev1.Secret {
		s.Data = maySign(x509.KeyUsageCertSign, x509.ExtKeyUsageServerAuth)
		return s
	}, manifests.CAName, certificates.Invalid, true},
	{"without its own ca.crt", withData(func(data map[string][]byte) { delete(data, format.KeyCA) }), manifests.CAName, certificates.Valid, false},
	{"immutable, and unparsable", func(s *corev1.Secret) *corev1.Secret {
		yes := true
		s.Immutable = &yes
		return unparsable(s)
	}, "", certificates.Invalid, false},
	{"issued here, without an owner, and fits", owned(), "", certificates.Unowned, true},
	{"of unknown origin, and unparsable", func(s *corev1.Secret) *corev1.Secret { return unparsable(owned()(s)) }, "tls", certificates.Invalid, false},
	{"token keys without an owner, and unparsable", func(s *corev1.Secret) *corev1.Secret {
		s.Data[format.KeySigning] = []byte("x")
		return owned()(s)
	}, manifests.TokenKeysName, certificates.Invalid, true},
	{"another controller's, and fits", owned(stranger1), "", certificates.Valid, false},
	{"another controller's, and near its end", func(s *corev1.Secret) *corev1.Secret {
		trusted := s.Data[format.KeyCA]
		s = owned(stranger1)(atAge(8)(s))
		s.Data[format.KeyCA] = append(s.Data[format.KeyCA], trusted...)
		return s
	}, "", certificates.Valid, false},
	{"another controller's, and unparsable", func(s *corev1.Secret) *corev1.Secret { return unparsable(owned(stranger1)(s)) }, "", certificates.Invalid, false},
	{"a former GatewayTenant's", owned(manifests.Owner("former")), "", certificates.Missing, false},
	{"being deleted", func(s *corev1.Secret) *corev1.Secret {
		s.DeletionTimestamp = &metav1.Time{Time: now}
		return s
	}, "", certificates.Missing, false},
}

// TestEveryStateOfEverySecret is the whole inspection: what a Secret needs, and whether certgen can help.
func TestEveryStateOfEverySecret(t *testing.T) {
	for _, name := range manifests.SecretNames {
		for _, state := range states {
			leaf := name == manifests.ServerTLSName || name == manifests.ClientTLSName
			if state.only == "tls" && name == manifests.TokenKeysName || state.only == "leaf" && !leaf {
				continue
			}
			if state.only != "" && state.only != "tls" && state.only != "leaf" && state.only != name {
				continue
			}
			secrets := issued(t, "a.example.com", "b.example.com")
			if secrets[name] = state.make(secrets[name]); secrets[name] == nil {
				delete(secrets, name)
			}
			observed := certificates.Inspect(transformed(t, secrets), certificates.Desired{Owner: "tenant", ServerNames: []string{"a.example.com", "b.example.com"}}, now)
			need, helped := state.need, state.helped
			if name == manifests.TokenKeysName && (state.what == "near its end" || state.what == "at its end" || state.what == "another controller's, and near its end") {
				need, helped = certificates.Valid, false // token keys have no end
			}
			if finding := observed.Finding(name); finding.Need != need || (finding.Need != certificates.Valid && finding.Blocked == "") != helped {
				t.Errorf("%s, %s: %+v; want need %d, helped %v", name, state.what, finding, need, helped)
			}
			others := slices.ContainsFunc(observed.Findings, func(f certificates.Finding) bool { return f.Secret != name })
			if observed.NeedsCertgen() != (helped || others) {
				t.Errorf("%s, %s: there is work: %t", name, state.what, observed.NeedsCertgen())
			}
		}
	}
}

// TestSecretThatAFinalizerKeeps names the finalizer and the way out. Certgen cannot replace the Secret before it is gone.
func TestSecretThatAFinalizerKeeps(t *testing.T) {
	for _, name := range manifests.SecretNames {
		secrets := issued(t, "a.example.com")
		secrets[name].DeletionTimestamp, secrets[name].Finalizers = &metav1.Time{Time: now}, []string{"example.com/x"}
		observed := certificates.Inspect(transformed(t, secrets), desiredState(), now)
		finding := observed.Finding(name)
		if finding.Need != certificates.Missing || !finding.Kept || !strings.Contains(finding.String(), "Secret "+name+" is to be issued again, and is being deleted since 2026-06-01T00:00:00Z, and its finalizer example.com/x keeps it") {
			t.Errorf("found %+v", finding)
		}
		secrets[name].Finalizers = nil
		if finding = certificates.Inspect(transformed(t, secrets), desiredState(), now).Finding(name); finding.Kept || finding.Blocked != "is still being removed" {
			t.Errorf("without a finalizer: %+v", finding)
		}
	}
}
