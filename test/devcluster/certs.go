package devcluster

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// clients returns the identities of the cluster's clients. Kubernetes gives rights to names that begin with "system:".
func (s *state) clients() map[string]pkix.Name {
	clients := map[string]pkix.Name{
		adminUser:         {CommonName: "devcluster-admin", Organization: []string{"system:masters"}},
		ControllerManager: {CommonName: "system:kube-controller-manager"},
		Scheduler:         {CommonName: "system:kube-scheduler"},
	}
	if s.RealNode != nil {
		clients[kubeletClient] = pkix.Name{CommonName: "devcluster-kubelet-client"}
		clients[Kubelet] = pkix.Name{CommonName: "system:node:" + s.RealNode.Name, Organization: []string{"system:nodes"}}
		clients[KubeProxy] = pkix.Name{CommonName: "system:kube-proxy"}
		clients[NetworkPolicyAgent] = pkix.Name{CommonName: "devcluster-netpol"}
		return clients
	}
	clients[Kwok] = pkix.Name{CommonName: "devcluster-kwok", Organization: []string{"system:masters"}}
	clients[Containers] = pkix.Name{CommonName: "devcluster-containers", Organization: []string{"system:masters"}}
	return clients
}

const adminUser = "admin"

// authority is the cluster's certificate authority. Its key is never written: a cluster's certificates are made once.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  crypto.Signer
}

// writeCertificates creates all keys and certificates of a cluster.
func (s *state) writeCertificates() error {
	dir := filepath.Join(s.Dir, "certs")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	key, err := newKey()
	if err != nil {
		return err
	}
	ca := authority{dir: dir, key: key, cert: template(pkix.Name{CommonName: "devcluster"})}
	ca.cert.IsCA, ca.cert.BasicConstraintsValid, ca.cert.KeyUsage = true, true, x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, ca.cert, ca.cert, key.Public(), key)
	if err != nil {
		return err
	}
	if err := writePEM(filepath.Join(dir, "ca.crt"), "CERTIFICATE", der); err != nil {
		return err
	}
	if ca.cert, err = x509.ParseCertificate(der); err != nil {
		return err
	}
	server := template(pkix.Name{CommonName: "devcluster-server"})
	server.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	server.DNSNames = []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"}
	server.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), serviceIP}
	if s.RealNode != nil { // The kubelet serves with this certificate, too.
		server.DNSNames = append(server.DNSNames, s.RealNode.Name)
		server.IPAddresses = append(server.IPAddresses, net.ParseIP(s.RealNode.Address))
	}
	if err := ca.issue("server", server); err != nil {
		return err
	}
	for name, subject := range s.clients() {
		client := template(subject)
		client.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		if err := ca.issue(name, client); err != nil {
			return err
		}
	}
	return writeTokenKey(dir)
}

// writeTokenKey makes the key that signs ServiceAccount tokens.
func writeTokenKey(dir string) error {
	key, err := newKey()
	if err != nil {
		return err
	}
	return writeKey(filepath.Join(dir, "tokens.key"), key)
}

func (ca authority) issue(name string, cert *x509.Certificate) error {
	key, err := newKey()
	if err != nil {
		return err
	}
	cert.KeyUsage = x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, cert, ca.cert, key.Public(), ca.key)
	if err != nil {
		return fmt.Errorf("the certificate of %s: %w", name, err)
	}
	if err := writePEM(filepath.Join(ca.dir, name+".crt"), "CERTIFICATE", der); err != nil {
		return err
	}
	return writeKey(filepath.Join(ca.dir, name+".key"), key)
}

func template(subject pkix.Name) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)) // crypto/rand does not fail
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      subject,
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.AddDate(1, 0, 0), // a detached cluster may stay up for long
	}
}

func newKey() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

func writeKey(path string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return writePEM(path, "EC PRIVATE KEY", der)
}

func writePEM(path, kind string, der []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
