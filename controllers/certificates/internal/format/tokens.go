package format

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"fmt"
)

// maxIDBytes is the maximum length of a token key's ID. The IDs that certgen makes have 32 bytes.
const maxIDBytes = 128

// IsID reports whether a text may be the ID of a token key: one printable word. Pods are annotated with it, so it must not
// be a key that a user put into the wrong field.
func IsID(id []byte) bool {
	return len(id) > 0 && len(id) <= maxIDBytes && !bytes.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' })
}

// ParseTokenKeys reads the signing key from the data of a Secret with token keys. If the signing key can be read and only
// the public key or the ID is missing or invalid, it returns both the key and an error.
func ParseTokenKeys(data map[string][]byte) (ed25519.PrivateKey, error) {
	block, _ := pem.Decode(data[KeySigning])
	if block == nil {
		return nil, fmt.Errorf("%s holds no PEM", KeySigning)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s is not a key in PKCS#8", KeySigning)
	}
	key, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s is a %T, not an Ed25519 key", KeySigning, parsed)
	}
	public, _ := pem.Decode(data[KeyPublic])
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	switch {
	case err != nil:
		return key, err
	case public == nil || !bytes.Equal(public.Bytes, spki):
		return key, fmt.Errorf("%s is not the public key of %s", KeyPublic, KeySigning)
	case !IsID(data[KeyID]):
		return key, fmt.Errorf("%s is not one word of at most %d bytes", KeyID, maxIDBytes)
	}
	return key, nil
}
