package certificates

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
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
		keySigning: signing,
		keyPublic:  pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki}),
		keyID:      []byte(hex.EncodeToString(id[:16])),
	}, nil
}

// mostIDBytes is how long the id of a token key may be; those that are made here have 32.
const mostIDBytes = 128

// isID reports whether a text may be the ID of a token key: one printable word. Pods are annotated with it, so it must not
// be a key that a user put into the wrong field.
func isID(id []byte) bool {
	return len(id) > 0 && len(id) <= mostIDBytes && !bytes.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' })
}

// readTokenKeys reads the signing key of a Secret with token keys. With an error it still returns the key if that can
// be read, and only what goes with it is missing or does not fit.
func readTokenKeys(data map[string][]byte) (ed25519.PrivateKey, error) {
	block, _ := pem.Decode(data[keySigning])
	if block == nil {
		return nil, fmt.Errorf("%s holds no PEM", keySigning)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s is not a key in PKCS#8", keySigning)
	}
	key, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s is a %T, not an Ed25519 key", keySigning, parsed)
	}
	public, _ := pem.Decode(data[keyPublic])
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	switch {
	case err != nil:
		return key, err
	case public == nil || !bytes.Equal(public.Bytes, spki):
		return key, fmt.Errorf("%s is not the public key of %s", keyPublic, keySigning)
	case !isID(data[keyID]):
		return key, fmt.Errorf("%s is not one word of at most %d bytes", keyID, mostIDBytes)
	}
	return key, nil
}
