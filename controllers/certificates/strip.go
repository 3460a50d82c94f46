package certificates

import (
	"bytes"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// noteKeyFault is where Strip notes what is wrong with the private key that it drops. No Secret of a cluster can have
// such a key among its data, so an object that has it was stripped.
const noteKeyFault = "/key-fault"

// Strip is the transform of the operator's caches of Secrets: before an object is stored, it holds the private key
// against what it should fit, notes the result, and drops the key. What was stripped stays as it is, should it
// be shown to the transform again.
func Strip(object any) (any, error) {
	secret, ok := object.(*corev1.Secret)
	if !ok {
		return object, nil
	}
	if _, stripped := secret.Data[noteKeyFault]; stripped {
		return object, nil
	}
	kept := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Name: secret.Name, Namespace: secret.Namespace, UID: secret.UID, ResourceVersion: secret.ResourceVersion,
			OwnerReferences: secret.OwnerReferences, DeletionTimestamp: secret.DeletionTimestamp, Annotations: map[string]string{},
		},
		Immutable: secret.Immutable,
		Type:      secret.Type,
		Data:      map[string][]byte{noteKeyFault: nil},
	}
	for _, annotation := range annotations {
		if value, ok := secret.Annotations[annotation]; ok {
			kept.Annotations[annotation] = value
		}
	}
	for _, key := range []string{keyCertificate, keyCA} {
		kept.Data[key] = certificatesOnly(secret.Data[key])
	}
	if id := secret.Data[keyID]; isID(id) {
		kept.Data[keyID] = id
	}
	if err := checkKey(secret); err != nil {
		kept.Data[noteKeyFault] = []byte(err.Error())
	}
	return kept, nil
}

// certificatesOnly are the certificates of a PEM text, unread. What else is in it may be a private key.
func certificatesOnly(text []byte) []byte {
	if len(text) > mostBytes {
		return nil
	}
	var kept []byte
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return kept
		}
		if block.Type == "CERTIFICATE" {
			kept = append(kept, encodeDER(block.Bytes)...)
		}
	}
}

// checkKey says what is wrong with the private key of a Secret. Its errors quote nothing of the key.
func checkKey(secret *corev1.Secret) error {
	for _, key := range []string{keyPrivateKey, keySigning} {
		if len(secret.Data[key]) > mostKeyBytes {
			return fmt.Errorf("%s is longer than %d bytes", key, mostKeyBytes)
		}
	}
	if secret.Name == manifests.TokenKeysName {
		_, err := readTokenKeys(secret.Data)
		return err
	}
	if _, err := parseCertificates(secret.Data[keyCertificate]); err != nil { // nothing of it is tried before it is known to be small
		return fmt.Errorf("%s %w", keyCertificate, err)
	}
	if _, err := tls.X509KeyPair(secret.Data[keyCertificate], secret.Data[keyPrivateKey]); err != nil {
		return fmt.Errorf("%s and %s: %w", keyCertificate, keyPrivateKey, err)
	}
	return nil
}

// mostIDBytes is how long the id of a token key may be; those that are made here have 32.
const mostIDBytes = 128

// isID tells whether a text may be the id of a token key: one word. Pods are annotated with it, so it must not be a key
// that somebody put into the wrong place.
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

// UsableUntil tells until when the certificate of a gateway's clients can be used, or why it cannot.
func UsableUntil(client *corev1.Secret, now time.Time) (time.Time, error) {
	stripped, err := Strip(client)
	if err != nil {
		return time.Time{}, err
	}
	p := readPart(stripped.(*corev1.Secret), annotationRotateTLS, now)
	p.verify(x509.ExtKeyUsageClientAuth, now)
	return p.end, p.err
}
