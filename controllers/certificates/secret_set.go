package certificates

import (
	"cmp"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates/internal/format"
	"github.com/ambient-code/gatewaytenant-operator/controllers/message"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// SecretSet is what a tenant's Secrets hold at one time, without their private keys. Certgen asks it what to issue.
type SecretSet struct {
	now                time.Time
	desired            Desired
	secrets            map[string]*corev1.Secret // those that exist, as Transform returns them
	ca, server, client tlsSecret
	tokens             tokenKeys
	sources            map[string]source // where each Secret that exists comes from
	// distrusts maps the name of a TLS Secret to that of the other one, if it does not trust the other's certificate.
	distrusts map[string]string
}

// tokenKeys is the Secret with the token keys.
type tokenKeys struct {
	id, rotated string
	err         error // why it cannot be used
}

// sides returns what the TLS Secret with this name holds, what the other TLS Secret holds, and the name of the other.
func (s *SecretSet) sides(name string) (self, other tlsSecret, otherName string) {
	if name == manifests.ClientTLSName {
		return s.client, s.server, manifests.ServerTLSName
	}
	return s.server, s.client, manifests.ClientTLSName
}

// Refusal says why certgen must not or cannot change the contents of a Secret that exists. It is empty if certgen can.
func (s *SecretSet) Refusal(name string) string {
	is, secret := s.sources[name], s.secrets[name]
	if secret == nil {
		return ""
	}
	remove := fmt.Sprintf("delete it to have it issued again: kubectl delete secret %s -n %s", name, secret.Namespace)
	switch {
	case is.origin == terminating:
		return cmp.Or(message.Removal("Secret", secret), "is still being removed")
	case is.controlled:
		return fmt.Sprintf("is controlled by %s, which must change it", is.writer)
	case is.origin == foreign && len(secret.Data[noteWritten]) > 0:
		return fmt.Sprintf("has the marks of %s, and still the certificate or key that certgen issued; to let %[1]s issue its own: kubectl delete secret %s -n %s", is.writer, name, secret.Namespace)
	case is.origin == foreign:
		return fmt.Sprintf("is written by %s, which must change it", is.writer)
	case is.origin == unknown:
		return "was not issued by the operator, which therefore does not overwrite it"
	case secret.Immutable != nil && *secret.Immutable:
		return "is immutable; " + remove
	case secret.Type != format.TypeOf(name) && secret.Type != corev1.SecretTypeOpaque:
		return fmt.Sprintf("is of type %s, which cannot be changed; %s", secret.Type, remove)
	}
	return ""
}
