package format

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// Keys of the Secrets, as OpenShell's own generator names them.
const (
	KeyCertificate = "tls.crt"
	KeyPrivateKey  = "tls.key"
	KeyCA          = "ca.crt"
	KeySigning     = "signing.pem" // PKCS#8
	KeyPublic      = "public.pem"  // SPKI
	KeyID          = "kid"         // in hex, the first 16 bytes of SHA-256 over the SPKI DER
)

// Annotations of the Secrets that certgen makes.
const (
	// The rotation that a Secret was made for, under the name of the annotation that requests it.
	AnnotationRotateTLS    = v1alpha1.AnnotationRotateTLS
	AnnotationRotateCA     = v1alpha1.AnnotationRotateCA
	AnnotationRotateTokens = v1alpha1.AnnotationRotateTokens
	// AnnotationPreviousUntil is until when each previous CA in ca.crt is trusted.
	AnnotationPreviousUntil = "openshell.ambient-code.io/former-authorities-until"
	// AnnotationTrustedSince is the time, in RFC 3339, since which ca.crt has a CA that has not issued a certificate yet.
	AnnotationTrustedSince = "openshell.ambient-code.io/trusted-since"
	// AnnotationSupersedes is on a CA that replaced another on purpose, so that certificates of the other are issued again.
	// They are not if the CA was issued because none existed.
	AnnotationSupersedes = "openshell.ambient-code.io/supersedes"
	// AnnotationContent identifies the certificate or token key that certgen wrote or took over last; see ContentID. If
	// the Secret holds another one, another client has replaced it.
	AnnotationContent = "openshell.ambient-code.io/managed-content"
)

// Names in certificates, as OpenShell's own generator chooses them.
const (
	CACommonName     = "openshell-ca"
	CAOrganization   = "openshell"
	ServerCommonName = "openshell-server"
	ClientCommonName = "openshell-client"
)

// TLSNames are the names of the TLS Secrets of both sides of a connection. The clients come first.
var TLSNames = []string{manifests.ClientTLSName, manifests.ServerTLSName}

// TypeOf returns the type of a Secret that certgen makes. A Secret of another issuer may be Opaque, too: it is mounted
// alike.
func TypeOf(name string) corev1.SecretType {
	if name == manifests.TokenKeysName {
		return corev1.SecretTypeOpaque
	}
	return corev1.SecretTypeTLS
}

// RotationPending reports whether a rotation is requested that is not the last one that was done.
func RotationPending(requested, done string) bool { return requested != "" && requested != done }

// IsOpenShellCA reports whether a CA certificate has the name that OpenShell's generator and certgen use.
func IsOpenShellCA(certificate *x509.Certificate) bool { return IsOpenShellName(certificate.Subject) }

// IsOpenShellName reports whether a name is the one that OpenShell's generator and certgen give to a CA.
func IsOpenShellName(name pkix.Name) bool {
	return name.CommonName == CACommonName && slices.Equal(name.Organization, []string{CAOrganization})
}

// IsTenantCA reports whether certgen issued a CA certificate: it adds the namespace and a serial number to the name.
func IsTenantCA(certificate *x509.Certificate) bool {
	return IsOpenShellCA(certificate) && len(certificate.Subject.OrganizationalUnit) == 1 && certificate.Subject.SerialNumber != ""
}
