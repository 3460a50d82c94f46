package gateway

import (
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// Load returns the configuration that a gateway of this release reads from the file of this name. It returns an error if
// the gateway does not start with the file, or with the other files that the file names.
func Load(r Release, name string, files Files) (*Config, error) {
	text, err := readConfig(r, name, files)
	if err != nil {
		return nil, err
	}
	c, err := Parse(r, name, text)
	if err != nil {
		return nil, err
	}
	g := c.OpenShell.Gateway
	tokens, err := NewTokens(g.JWT, files.Read)
	if err != nil {
		return nil, err
	}
	for _, e := range append(g.Interceptors, c.OpenShell.Supervisor.Middleware...) {
		if e.CAPath == "" {
			continue
		}
		if _, err := files.Read(e.CAPath); err != nil {
			return nil, fmt.Errorf("configuration error: failed to read TLS CA certificate for '%s' from '%s': %w", e.Name, e.CAPath, osError(err))
		}
	}
	if r.ReadsSchema2() {
		if err := c.loadFiles2(tokens, files.Read); err != nil {
			return nil, err
		}
	}
	if !g.DisableTLS {
		if _, err := g.TLS.Load(files.Read, c.DemandsCertificates()); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// Load returns the TLS configuration of the listener for clients. Clients need a certificate of the client CA; if
// required is false, a client without a certificate is admitted, too.
func (t *TLS) Load(read ReadFile, required bool) (*tls.Config, error) {
	certificate, err := pair(read, t.CertPath, t.KeyPath)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
	if t.ExternalCertPath != "" {
		external, err := pair(read, t.ExternalCertPath, t.ExternalKeyPath)
		if err != nil {
			return nil, err
		}
		config.Certificates = append(config.Certificates, external)
	}
	if t.ClientCAPath == "" {
		return config, nil
	}
	text, err := read(t.ClientCAPath)
	if err != nil {
		return nil, fmt.Errorf("TLS error: failed to open cert file: %w", osError(err))
	}
	config.ClientCAs = x509.NewCertPool()
	if !config.ClientCAs.AppendCertsFromPEM(text) {
		return nil, errors.New("TLS error: no certificates found in file")
	}
	config.ClientAuth = tls.VerifyClientCertIfGiven
	if required {
		config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return config, nil
}

func pair(read ReadFile, certPath, keyPath string) (tls.Certificate, error) {
	cert, err := read(certPath)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("TLS error: failed to open cert file: %w", osError(err))
	}
	key, err := read(keyPath)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("TLS error: failed to open key file: %w", osError(err))
	}
	certificate, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("TLS error: failed to create TLS config: %w", err)
	}
	return certificate, nil
}

// NewTokens returns the sandbox tokens that a gateway issues and accepts with these files. It returns nil if jwt is nil.
func NewTokens(jwt *JWT, read ReadFile) (*Tokens, error) {
	if jwt == nil {
		return nil, nil
	}
	files := map[string][]byte{}
	for what, path := range map[string]string{"signing key": jwt.SigningKeyPath, "public key": jwt.PublicKeyPath, "kid": jwt.KidPath} {
		text, err := read(path)
		if err != nil {
			return nil, fmt.Errorf("configuration error: failed to read sandbox JWT %s from %s: %w", what, path, osError(err))
		}
		files[what] = text
	}
	kid := strings.TrimSpace(string(files["kid"]))
	if kid == "" {
		return nil, fmt.Errorf("configuration error: sandbox JWT kid file %s is empty", jwt.KidPath)
	}
	private, err := decode(files["signing key"], x509.ParsePKCS8PrivateKey)
	signing, ok := private.(ed25519.PrivateKey)
	if err != nil || !ok {
		return nil, errors.New("configuration error: failed to parse Ed25519 signing key PEM: InvalidKeyFormat")
	}
	public, err := decode(files["public key"], x509.ParsePKIXPublicKey)
	verifying, ok := public.(ed25519.PublicKey)
	if err != nil || !ok {
		return nil, errors.New("configuration error: failed to parse Ed25519 public key PEM: InvalidKeyFormat")
	}
	return &Tokens{signing: signing, public: verifying, kid: kid, issuer: "openshell-gateway:" + jwt.GatewayID, ttl: jwt.TTLSeconds}, nil
}

func decode(text []byte, parse func([]byte) (any, error)) (any, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("no PEM block")
	}
	return parse(block.Bytes)
}
