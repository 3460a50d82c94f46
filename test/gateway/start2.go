package gateway

import (
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
)

const maxProxyBundle = 256 << 10

// loadFiles2 checks the files that releases 0.1.N examine more closely than those before. That the proxy's bundle is read at
// the start already is inferred.
func (c *Config) loadFiles2(tokens *Tokens, read ReadFile) error {
	if tokens != nil && !tokens.match() {
		return errors.New("configuration error: the public key of sandbox JWTs does not belong to the signing key")
	}
	for _, e := range c.OpenShell.Supervisor.Middleware {
		if e.CAPath == "" {
			continue
		}
		if text, err := read(e.CAPath); err != nil || !onlyCertificates(text) {
			return fmt.Errorf("configuration error: '%s' of middleware '%s' does not consist of certificates", e.CAPath, e.Name)
		}
	}
	if bundle := c.kubernetes.ProxyCABundle; bundle != nil {
		text, err := read(*bundle)
		if err != nil {
			return fmt.Errorf("the compute driver cannot start: proxy_ca_bundle '%s': %w", *bundle, osError(err))
		}
		if len(text) > maxProxyBundle {
			return fmt.Errorf("the compute driver cannot start: proxy_ca_bundle '%s' is larger than %d bytes", *bundle, maxProxyBundle)
		}
	}
	return nil
}

// onlyCertificates reports whether a PEM file has certificates and nothing else.
func onlyCertificates(text []byte) bool {
	for n := 0; ; n++ {
		block, rest := pem.Decode(text)
		if block == nil {
			return n > 0 && len(bytes.TrimSpace(rest)) == 0
		}
		if block.Type != "CERTIFICATE" {
			return false
		}
		text = rest
	}
}
