package format

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"

	corev1 "k8s.io/api/core/v1"

	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// ContentKey returns the key of a Secret's data that distinguishes one certificate or token key from another.
func ContentKey(name string) string {
	if name == manifests.TokenKeysName {
		return KeyPublic
	}
	return KeyCertificate
}

// ContentID identifies the certificate or the token key in a Secret, whether it can be read or not. It is empty if the
// Secret holds none, so that nothing is lost if the Secret is overwritten.
func ContentID(secret *corev1.Secret) string {
	text := bytes.TrimPrefix(secret.Data[ContentKey(secret.Name)], []byte(ByteOrderMark))
	if len(text) > MaxCertificateBytes {
		return "too-long"
	}
	blocks := CertificateBlocks(text, 1)
	if secret.Name == manifests.TokenKeysName {
		block, _ := pem.Decode(text)
		blocks = []*pem.Block{block}
	}
	if len(blocks) == 0 || blocks[0] == nil {
		return ""
	}
	sum := sha256.Sum256(blocks[0].Bytes)
	return hex.EncodeToString(sum[:8])
}
