// Package earlier makes what a control plane before the operator left in a tenant's namespace: its objects, and Secrets as
// the gateway's own generator makes them. Tests take these over.
package earlier

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	_ "embed"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// FieldOwner is the earlier control plane's name in managedFields.
const FieldOwner = "agent-control-plane"

//go:embed objects.yaml
var objects string

// Create makes the Secrets and the objects of a gateway in a namespace.
func Create(ctx context.Context, c client.Client, namespace string) error {
	secrets, err := Secrets(namespace)
	if err != nil {
		return err
	}
	for _, secret := range secrets {
		if err := c.Create(ctx, secret); err != nil {
			return err
		}
	}
	decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(strings.ReplaceAll(objects, "NAMESPACE", namespace)), 4096)
	for {
		object := &unstructured.Unstructured{}
		if err := decoder.Decode(object); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := c.Create(ctx, object, client.FieldOwner(FieldOwner)); err != nil {
			return fmt.Errorf("%s %s: %w", object.GetKind(), object.GetName(), err)
		}
	}
}

// Secrets are those of the gateway, of its clients and of the token keys, as the gateway's own generator makes them: the same authority's name in every tenant and its key thrown
// away, no key identifiers, no usages, valid from 1975 to 4096.
func Secrets(namespace string) ([]*corev1.Secret, error) {
	caKey, ca, err := issue(pkix.Name{CommonName: "openshell-ca", Organization: []string{"openshell"}}, nil, nil, nil)
	if err != nil {
		return nil, err
	}
	names := []string{"openshell-gateway", "openshell-gateway." + namespace + ".svc", "openshell-gateway." + namespace + ".svc.cluster.local", "localhost"}
	var secrets []*corev1.Secret
	for _, leaf := range []struct {
		name    string
		subject pkix.Name
		names   []string
	}{
		{manifests.ServerTLSName, pkix.Name{CommonName: "openshell-server"}, names},
		{manifests.ClientTLSName, pkix.Name{CommonName: "openshell-client", OrganizationalUnit: []string{"openshell-user"}}, nil},
	} {
		key, certificate, err := issue(leaf.subject, leaf.names, ca, caKey)
		if err != nil {
			return nil, err
		}
		private, err := encodePrivate(key)
		if err != nil {
			return nil, err
		}
		secrets = append(secrets, secret(namespace, leaf.name, corev1.SecretTypeTLS, map[string][]byte{
			"tls.crt": encode("CERTIFICATE", certificate.Raw), "tls.key": private, "ca.crt": encode("CERTIFICATE", ca.Raw),
		}))
	}
	keys, err := tokenKeys()
	return append(secrets, secret(namespace, manifests.TokenKeysName, corev1.SecretTypeOpaque, keys)), err
}

func secret(namespace, name string, of corev1.SecretType, data map[string][]byte) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace}, Type: of, Data: data}
}

func tokenKeys() (map[string][]byte, error) {
	public, signing, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	spki, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, err
	}
	private, err := encodePrivate(signing)
	id := sha256.Sum256(spki)
	return map[string][]byte{"signing.pem": private, "public.pem": encode("PUBLIC KEY", spki), "kid": []byte(hex.EncodeToString(id[:16]))}, err
}

// issue makes a leaf or, without an authority, the authority.
func issue(subject pkix.Name, names []string, ca *x509.Certificate, caKey *ecdsa.PrivateKey) (*ecdsa.PrivateKey, *x509.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: subject, DNSNames: names,
		NotBefore: time.Date(1975, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(4096, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	if ca == nil { // Go would add a key identifier if it were told that this is an authority
		template.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 19}, Critical: true, Value: []byte{0x30, 3, 1, 1, 0xff}}}
		ca, caKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca, key.Public(), caKey)
	if err != nil {
		return nil, nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	if err == nil && len(certificate.SubjectKeyId)+len(certificate.AuthorityKeyId) > 0 {
		err = errors.New("there must be no key identifiers")
	}
	return key, certificate, err
}

func encode(what string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: what, Bytes: der})
}

func encodePrivate(key any) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return encode("PRIVATE KEY", der), err
}
