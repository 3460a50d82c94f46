package certificates

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/netip"
	"slices"
	"time"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates/internal/format"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// backdating is how long before it is issued a certificate becomes valid, for peers whose clocks are behind.
const backdating = 5 * time.Minute

// from returns the time from which a certificate of this lifetime is valid.
func from(now time.Time, life time.Duration) time.Time {
	return now.Add(-min(backdating, life/10))
}

// authority is a certificate authority with its key.
type authority struct {
	certificate *x509.Certificate
	key         crypto.Signer
	// crosses are certificates of the same key by former authorities, the last one's first: whoever trusts a former one
	// is led by them from what this one signs to what they trust.
	crosses []*x509.Certificate
}

// newAuthority makes a tenant's certificate authority. Its distinguished name is its own, so that clients which look
// an issuer up by name cannot take one authority for another. A former authority, if its key is there, vouches for it.
func newAuthority(namespace string, life time.Duration, now time.Time, former *authority) (map[string][]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial := newSerial()
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: format.CACommonName, Organization: []string{format.CAOrganization}, OrganizationalUnit: []string{namespace}, SerialNumber: serial.Text(16)},
		NotBefore:             from(now, life),
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
	if former == nil {
		return data, nil
	}
	template.SerialNumber = newSerial()
	template.NotAfter = format.Earliest(template.NotAfter, former.certificate.NotAfter)
	cross, err := x509.CreateCertificate(rand.Reader, template, former.certificate, key.Public(), former.key)
	if err != nil {
		return nil, err
	}
	data[format.KeyCertificate] = append(append(data[format.KeyCertificate], format.EncodeDER(cross)...), format.EncodeCertificates(former.crosses[:min(len(former.crosses), mostCrosses-1)]...)...)
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

// vouchedFor tells whether somebody who trusts these authorities trusts what this one signs: it tries with a leaf.
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

// crossesOf are those of the crosses that former authorities of these made.
func (a authority) crossesOf(former []*x509.Certificate) []*x509.Certificate {
	return slices.DeleteFunc(slices.Clone(a.crosses), func(cross *x509.Certificate) bool {
		return !slices.ContainsFunc(former, func(f *x509.Certificate) bool { return part{certificate: cross}.of(part{certificate: f}) })
	})
}

// mostCrosses bounds how many former authorities vouch for one, each for the one before.
const mostCrosses = 8

// issue makes a leaf and its key, signed by the authority; a leaf does not outlive its authority.
func (a authority) issue(template *x509.Certificate, life time.Duration, now time.Time) (map[string][]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template.SerialNumber = newSerial()
	template.NotBefore = from(now, life)
	if template.NotBefore.Before(a.certificate.NotBefore) {
		template.NotBefore = a.certificate.NotBefore
	}
	template.NotAfter = format.Earliest(now.Add(life), a.certificate.NotAfter)
	if now.Before(template.NotBefore) || !now.Before(template.NotAfter) { // never instead of one that is valid
		return nil, fmt.Errorf("the CA in Secret %s is not valid now, so no certificate that it issues would be", manifests.CAName)
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.BasicConstraintsValid = true
	return sign(template, a.certificate, key, a.key)
}

// serverTemplate is the gateway's certificate, for all the names.
func serverTemplate(names ...[]string) *x509.Certificate {
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: format.ServerCommonName},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, name := range slices.Concat(names...) {
		if addr, err := netip.ParseAddr(name); err == nil {
			template.IPAddresses = append(template.IPAddresses, addr.AsSlice())
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	return template
}

// clientTemplate is the certificate of the gateway's clients.
func clientTemplate() *x509.Certificate {
	return &x509.Certificate{
		Subject:     pkix.Name{CommonName: format.ClientCommonName, OrganizationalUnit: []string{"openshell-user"}},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
}

// sign makes the certificate and puts it beside its key, as a TLS Secret holds them.
func sign(template, parent *x509.Certificate, key *ecdsa.PrivateKey, parentKey crypto.Signer) (map[string][]byte, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
	if err != nil {
		return nil, err
	}
	text, err := encodeKey(key)
	if err != nil {
		return nil, err
	}
	return map[string][]byte{format.KeyCertificate: format.EncodeDER(der), format.KeyPrivateKey: text}, nil
}

func encodeKey(key crypto.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// newSerial is a random serial number of 127 bits.
func newSerial() *big.Int {
	var bytes [16]byte
	_, _ = rand.Read(bytes[:]) // never fails
	bytes[0] &= 0x7f
	return new(big.Int).SetBytes(bytes[:])
}
