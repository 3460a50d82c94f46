package certificates

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates/internal/format"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// Keys under which Transform notes what it found in a Secret and does not keep. No Secret of a cluster can have such keys
// among its data, so an object that has the first one is transformed already.
const (
	noteKeyFault      = "/key-fault"       // what is wrong with the private key
	noteCAFault       = "/ca-fault"        // why ca.crt is not read
	noteIssuer        = "/issuer"          // the known issuer that writes the Secret
	noteChangedBy     = "/changed-by"      // the client that replaced what certgen wrote
	noteWritten       = "/written"         // set if certgen wrote or took over what the Secret holds
	noteTouched       = "/touched"         // set if certgen wrote anything of the Secret
	noteStored        = "/stored"          // when the Secret got the certificate of the gateway, in RFC 3339
	noteEmpty         = "/empty"           // set if the Secret holds nothing
	noteTokenKeysOnly = "/token-keys-only" // set if the Secret has the three keys of token keys and no others
)

// keptAnnotations are the annotations that Transform keeps.
var keptAnnotations = []string{
	format.AnnotationRotateTLS, format.AnnotationRotateCA, format.AnnotationRotateTokens, format.AnnotationPreviousUntil, format.AnnotationTrustedSince, format.AnnotationSupersedes,
	v1alpha1.AnnotationHandOver,
}

// Transform is the transform of the operator's caches of Secrets: before an object is stored, it checks the private key
// against the certificate, notes the result, and drops the key. It returns an object that is transformed already as it is.
func Transform(object any) (any, error) {
	secret, ok := object.(*corev1.Secret)
	if !ok {
		return object, nil
	}
	if _, transformed := secret.Data[noteKeyFault]; transformed {
		return object, nil
	}
	kept := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Name: secret.Name, Namespace: secret.Namespace, UID: secret.UID, ResourceVersion: secret.ResourceVersion,
			OwnerReferences: owners(secret), DeletionTimestamp: secret.DeletionTimestamp, Finalizers: secret.Finalizers, Annotations: map[string]string{},
		},
		Immutable: secret.Immutable,
		Type:      secret.Type,
		Data:      map[string][]byte{noteKeyFault: nil},
	}
	for _, annotation := range keptAnnotations {
		if value, ok := secret.Annotations[annotation]; ok {
			kept.Annotations[annotation] = value
		}
	}
	kept.Data[format.KeyCertificate] = certificatesOnly(secret.Data[format.KeyCertificate], format.MaxCertificateBytes, format.MaxCertificates)
	kept.Data[format.KeyCA] = certificatesOnly(secret.Data[format.KeyCA], format.MaxCABytes, format.MaxCAs)
	if id := secret.Data[format.KeyID]; format.IsID(id) {
		kept.Data[format.KeyID] = id
	}
	if err := checkKey(secret); err != nil {
		kept.Data[noteKeyFault] = []byte(err.Error())
	}
	noteOrigin(kept, secret)
	return kept, nil
}

// owners returns the Secret's controller and the first of its owners that are GatewayTenants: no other owner counts.
func owners(secret *corev1.Secret) []metav1.OwnerReference {
	const most = 4
	var kept []metav1.OwnerReference
	for _, owner := range secret.OwnerReferences {
		if owner.Controller != nil && *owner.Controller {
			kept = slices.Insert(kept, 0, owner)
		} else if owner.Kind == "GatewayTenant" && len(kept) < most {
			kept = append(kept, owner)
		}
	}
	return kept
}

// noteOrigin notes what tells where a Secret comes from; see sourceOf.
func noteOrigin(kept, secret *corev1.Secret) {
	note := func(key, value string) {
		if value != "" {
			kept.Data[key] = []byte(value)
		}
	}
	if len(secret.Data[format.KeyCA]) > format.MaxCABytes {
		note(noteCAFault, fmt.Sprintf("is longer than %d bytes", format.MaxCABytes))
	}
	note(noteIssuer, format.IssuerOf(secret))
	byCertgen, changedBy := lastWriter(secret)
	note(noteChangedBy, changedBy)
	if byCertgen {
		note(noteWritten, "true")
	}
	if certgen, _ := contentManagers(secret); certgen != nil {
		note(noteTouched, "true")
	}
	if secret.Name == manifests.ServerTLSName {
		note(noteStored, storedAt(secret).UTC().Format(time.RFC3339))
	}
	if len(secret.Data) == 0 {
		note(noteEmpty, "true")
	}
	_, signing := secret.Data[format.KeySigning]
	_, public := secret.Data[format.KeyPublic]
	_, id := secret.Data[format.KeyID]
	if signing && public && id && len(secret.Data) == 3 {
		note(noteTokenKeysOnly, "true")
	}
}

// certificatesOnly returns the certificates of a PEM text, unread. What else is in it may be a private key. Of too many
// certificates it returns one too many.
func certificatesOnly(text []byte, maxBytes, maxCertificates int) []byte {
	if len(text) > maxBytes {
		return nil
	}
	var kept []byte
	if bytes.HasPrefix(text, []byte(format.ByteOrderMark)) {
		kept = []byte(format.ByteOrderMark)
	}
	for _, block := range format.CertificateBlocks(text, maxCertificates+1) {
		kept = append(kept, pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes})...)
	}
	return kept
}

// checkKey says what is wrong with the private key of a Secret. Its errors quote nothing of the key.
func checkKey(secret *corev1.Secret) error {
	for _, key := range []string{format.KeyPrivateKey, format.KeySigning} {
		if len(secret.Data[key]) > format.MaxKeyBytes {
			return fmt.Errorf("%s is longer than %d bytes", key, format.MaxKeyBytes)
		}
	}
	if secret.Name == manifests.TokenKeysName {
		_, err := format.ParseTokenKeys(secret.Data)
		return err
	}
	if _, err := format.ParseCertificates(secret.Data[format.KeyCertificate]); err != nil { // nothing of it is tried before it is known to be small
		return fmt.Errorf("%s %w", format.KeyCertificate, err)
	}
	return checkPair(secret.Data[format.KeyCertificate], secret.Data[format.KeyPrivateKey])
}

// checkPair says why a certificate and its key cannot be used by the gateway, which reads PEM as strictly as this does.
func checkPair(certificate, key []byte) error {
	for _, text := range []struct {
		name  string
		value []byte
	}{{format.KeyCertificate, certificate}, {format.KeyPrivateKey, key}} {
		if bytes.HasPrefix(text.value, []byte(format.ByteOrderMark)) {
			return fmt.Errorf("%s begins with a byte order mark, which hides its first block; store it without", text.name)
		}
	}
	if block, _ := pem.Decode(key); block != nil && (strings.Contains(block.Type, "ENCRYPTED") || block.Headers["DEK-Info"] != "") {
		return fmt.Errorf("%s is encrypted; store it without a passphrase", format.KeyPrivateKey)
	}
	_, err := tls.X509KeyPair(certificate, key)
	if err == nil {
		return nil
	}
	chain, unread := format.ParseCertificates(certificate)
	if unread == nil && slices.ContainsFunc(chain[1:], func(c *x509.Certificate) bool {
		_, err := tls.X509KeyPair(format.EncodeDER(c.Raw), key)
		return err == nil
	}) {
		return fmt.Errorf("%s must begin with the certificate of %s, which is further down", format.KeyCertificate, format.KeyPrivateKey)
	}
	return fmt.Errorf("%s and %s: %w", format.KeyCertificate, format.KeyPrivateKey, err)
}
