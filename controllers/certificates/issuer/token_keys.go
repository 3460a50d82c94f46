package issuer

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates/internal/format"
)

// newTokenKeys makes the data of the Secret with the keys of the sandboxes' tokens, from a signing key or, if that is
// nil, from a new one.
func newTokenKeys(private ed25519.PrivateKey) (map[string][]byte, error) {
	if private == nil {
		var err error
		if _, private, err = ed25519.GenerateKey(rand.Reader); err != nil {
			return nil, err
		}
	}
	signing, err := encodeKey(private)
	if err != nil {
		return nil, err
	}
	spki, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		return nil, err
	}
	id := sha256.Sum256(spki)
	return map[string][]byte{
		format.KeySigning: signing,
		format.KeyPublic:  pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki}),
		format.KeyID:      []byte(hex.EncodeToString(id[:16])),
	}, nil
}
