package issuer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"slices"
	"time"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates/internal/format"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// authority is a certificate authority with its key.
type authority struct {
	certificate *x509.Certificate
	key         crypto.Signer
	// crosses are the cross-certificates: certificates of the same key by previous CAs, the last one's first. They chain
	// what this CA issues to a previous one, for peers that trust only that.
	crosses []*x509.Certificate
}

// newAuthority makes a tenant's certificate authority. Its distinguished name is unique, so that clients which look
// an issuer up by name cannot take one CA for another. A previous CA, if its key exists, vouches for it.
func newAuthority(namespace string, life time.Duration, now time.Time, previous *authority) (map[string][]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial := newSerial()
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject: pkix.Name{
			CommonName: format.CACommonName, Organization: []string{format.CAOrganization}, OrganizationalUnit: []string{namespace}, SerialNumber: serial.Text(16),
		},
		NotBefore:             notBefore(now, life),
		NotAfter:              now.Add(life),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	data, err := sign(template, template, key, key)
	if err != nil {
		return nil, err
	}
	data[format.KeyCA] = data[format.KeyCertificate]
	if previous == nil {
		return data, nil
	}
	template.SerialNumber = newSerial()
	template.NotAfter = format.Earliest(template.NotAfter, previous.certificate.NotAfter)
	cross, err := x509.CreateCertificate(rand.Reader, template, previous.certificate, key.Public(), previous.key)
	if err != nil {
		return nil, err
	}
	older := format.EncodeCertificates(previous.crosses[:min(len(previous.crosses), format.MaxCrosses-1)]...)
	data[format.KeyCertificate] = slices.Concat(data[format.KeyCertificate], format.EncodeDER(cross), older)
	return data, nil
}

// readAuthority reads a certificate authority from its Secret's data.
func readAuthority(data map[string][]byte) (authority, error) {
	pair, err := tls.X509KeyPair(data[format.KeyCertificate], data[format.KeyPrivateKey])
	if err != nil {
		return authority{}, err
	}
	key, ok := pair.PrivateKey.(crypto.Signer)
	if !ok || !pair.Leaf.IsCA {
		return authority{}, fmt.Errorf("%s is not a certificate authority's", format.KeyCertificate)
	}
	chain, err := format.ParseCertificates(data[format.KeyCertificate])
	if err != nil {
		return authority{}, err
	}
	return authority{certificate: pair.Leaf, key: key, crosses: chain[1:]}, nil
}

// vouchedFor reports whether a peer that trusts these CAs trusts what this one issues: it tries with a leaf.
func (a authority) vouchedFor(trusted []*x509.Certificate, now time.Time) (bool, error) {
	if slices.ContainsFunc(trusted, a.certificate.Equal) {
		return true, nil
	}
	if len(a.crosses) == 0 {
		return false, nil
	}
	data, err := a.issue(clientTemplate(), time.Hour, now)
	if err != nil {
		return false, err
	}
	leaf, err := format.ParseCertificates(data[format.KeyCertificate])
	if err != nil {
		return false, err
	}
	_, err = format.VerifyChain(leaf[0], a.crosses, trusted, x509.ExtKeyUsageClientAuth, now)
	return err == nil, nil
}

// crossesTo returns the cross-certificates that lead to these previous CAs. Those of CAs in between are among them, also if
// these are no longer trusted.
func (a authority) crossesTo(previous []*x509.Certificate) []*x509.Certificate {
	needed := 0
	for i, cross := range a.crosses {
		if slices.ContainsFunc(previous, func(ca *x509.Certificate) bool { return format.IssuedBy(cross, ca) }) {
			needed = i + 1
		}
	}
	return a.crosses[:needed]
}

// issue makes a leaf and its key, signed by the CA. A leaf does not outlive its CA.
func (a authority) issue(template *x509.Certificate, life time.Duration, now time.Time) (map[string][]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template.SerialNumber = newSerial()
	template.NotBefore = notBefore(now, life)
	if template.NotBefore.Before(a.certificate.NotBefore) {
		template.NotBefore = a.certificate.NotBefore
	}
	template.NotAfter = format.Earliest(now.Add(life), a.certificate.NotAfter)
	if now.Before(template.NotBefore) || !now.Before(template.NotAfter) { // never replace a valid certificate by one that is not
		return nil, fmt.Errorf("the CA in Secret %s is not valid now, so no certificate that it issues would be", manifests.CAName)
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.BasicConstraintsValid = true
	return sign(template, a.certificate, key, a.key)
}
