package certificates

import (
	"crypto/x509"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// Strip is the transform of the operator's caches of Secrets: it drops every private key before an object is stored.
func Strip(object any) (any, error) {
	secret, ok := object.(*corev1.Secret)
	if !ok {
		return object, nil
	}
	kept := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Name: secret.Name, Namespace: secret.Namespace, UID: secret.UID, ResourceVersion: secret.ResourceVersion,
			OwnerReferences: secret.OwnerReferences, DeletionTimestamp: secret.DeletionTimestamp,
		},
		Type: secret.Type,
		Data: map[string][]byte{},
	}
	for _, key := range []string{keyCertificate, keyCA, keyID} {
		if value, ok := secret.Data[key]; ok {
			kept.Data[key] = value
		}
	}
	return kept, nil
}

// Seen is what a tenant's Secrets hold, as far as the operator looks at it.
type Seen struct {
	// Lacks says, for each Secret that the certgen Job has work with, why; empty when all is there and fits.
	Lacks []string
	// ServerNames are the names that the gateway's certificate carries, sorted.
	ServerNames []string
	// NotAfter is when the first of the gateway's and its clients' certificates ends; zero while one is missing.
	NotAfter time.Time
	// RenewAt is when the first of them has lived two thirds of its life; zero while one is missing.
	RenewAt time.Time
	// TokenKey is the id of the token key; empty while there is none.
	TokenKey string
	// Complete tells that all Secrets exist, so that a pod which mounts them can start.
	Complete bool
}

// Inspect looks at a tenant's Secrets, stripped and by name, and holds them against the names that the gateway's
// certificate must carry and the time.
func Inspect(secrets map[string]*corev1.Secret, serverNames []string, now time.Time) Seen {
	seen := Seen{Complete: true}
	for _, name := range manifests.SecretNames {
		if secrets[name] == nil {
			seen.Complete = false
			seen.Lacks = append(seen.Lacks, fmt.Sprintf("Secret %s is missing", name))
		}
	}
	server := seen.leaf(secrets[manifests.ServerTLSName], x509.ExtKeyUsageServerAuth, now)
	seen.leaf(secrets[manifests.ClientTLSName], x509.ExtKeyUsageClientAuth, now)
	if server != nil {
		seen.ServerNames = namesOf(server)
		for _, name := range without(serverNames, seen.ServerNames) {
			seen.Lacks = append(seen.Lacks, fmt.Sprintf("Secret %s: the certificate lacks the name %s", manifests.ServerTLSName, name))
		}
	}
	if keys := secrets[manifests.TokenKeysName]; keys != nil {
		seen.TokenKey = string(keys.Data[keyID])
	}
	if server == nil || secrets[manifests.ClientTLSName] == nil {
		seen.NotAfter, seen.RenewAt = time.Time{}, time.Time{}
	}
	return seen
}

// leaf adds what one TLS Secret holds, and returns its certificate if it can be read.
func (s *Seen) leaf(secret *corev1.Secret, usage x509.ExtKeyUsage, now time.Time) *x509.Certificate {
	if secret == nil {
		return nil
	}
	certificate, err := readLeaf(secret, usage)
	if err != nil {
		s.Lacks = append(s.Lacks, fmt.Sprintf("Secret %s: %v", secret.Name, err))
		return nil
	}
	if due := renewAt(certificate); !now.Before(due) {
		s.Lacks = append(s.Lacks, fmt.Sprintf("Secret %s: the certificate is due for renewal", secret.Name))
	}
	s.NotAfter = earliest(s.NotAfter, certificate.NotAfter)
	s.RenewAt = earliest(s.RenewAt, renewAt(certificate))
	return certificate
}

// readLeaf reads the certificate of a TLS Secret, and that it chains to the authorities beside it.
func readLeaf(secret *corev1.Secret, usage x509.ExtKeyUsage) (*x509.Certificate, error) {
	leaves, err := parseCertificates(secret.Data[keyCertificate])
	if err != nil {
		return nil, fmt.Errorf("%s %w", keyCertificate, err)
	}
	authorities, err := parseCertificates(secret.Data[keyCA])
	if err != nil {
		return nil, fmt.Errorf("%s %w", keyCA, err)
	}
	if err := chains(leaves[0], authorities, usage); err != nil {
		return nil, fmt.Errorf("%s %w", keyCertificate, err)
	}
	return leaves[0], nil
}

func earliest(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}
