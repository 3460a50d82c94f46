package gateway

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// rules2 returns the rules of version 2 about several keys, in their order.
func (c *Config) rules2() []func(Release) error {
	return []func(Release) error{c.listeners, c.authentication2, c.credentials, c.extensions, c.driver2}
}

// authentication2 refuses settings of TLS, client certificates and OIDC that contradict each other.
func (c *Config) authentication2(r Release) error {
	if err := c.encryption(); err != nil {
		return err
	}
	g := c.OpenShell.Gateway
	switch {
	case !c.MapsCertificates():
	case r < firstOpenHandshake:
		return errors.New("users cannot be identified by certificates with the Kubernetes driver; use OIDC")
	case g.DisableTLS:
		return errors.New("users cannot be identified by certificates without TLS")
	case g.TLS.ClientCAPath == "":
		return errors.New("users cannot be identified by certificates without a client CA")
	}
	if err := c.externalCertificate(); err != nil {
		return err
	}
	if g.OIDC == nil {
		return nil
	}
	if err := g.OIDC.roles(); err != nil {
		return err
	}
	return g.OIDC.transport()
}

// MapsCertificates reports whether the certificate of a client makes it a user. Releases before 0.1.3 have no such default
// for the kubernetes driver.
func (c *Config) MapsCertificates() bool {
	g := c.OpenShell.Gateway
	if g.MTLSAuth != nil {
		return g.MTLSAuth.Enabled
	}
	return c.release >= firstOpenHandshake && !g.DisableTLS && g.TLS != nil && g.TLS.ClientCAPath != "" && g.OIDC == nil
}

// DemandsCertificates reports whether the handshake fails for a client without a certificate.
func (c *Config) DemandsCertificates() bool {
	return c.release.DemandsCertificates() && c.OpenShell.Gateway.OIDC == nil
}

// SandboxAccount returns the name of the ServiceAccount whose pods can get tokens of sandboxes.
func (c *Config) SandboxAccount() string {
	if name := c.kubernetes.ServiceAccount; name != nil {
		return *name
	}
	return "default"
}

// transport refuses an issuer without encryption unless it is on this machine and the file allows that.
func (o *OIDC) transport() error {
	u, err := url.Parse(o.Issuer)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("configuration error: the OIDC issuer %s is not a URL", o.Issuer)
	}
	address, err := netip.ParseAddr(u.Hostname())
	if isLoopback := err == nil && address.IsLoopback(); u.Scheme == "http" && (!o.AllowInsecure || !isLoopback) {
		return fmt.Errorf("configuration error: the OIDC issuer %s does not use HTTPS", o.Issuer)
	}
	return nil
}

// driver2 refuses a selection of another driver, and settings of the kubernetes driver that contradict each other.
func (c *Config) driver2(r Release) error {
	if name := c.OpenShell.Gateway.ComputeDriver; name != nil && !strings.EqualFold(*name, "kubernetes") {
		return fmt.Errorf("configuration error: no compute driver is named '%s'", *name)
	}
	return startDriver(r, c.kubernetes.identities, c.kubernetes.workspaces, c.kubernetes.proxy2)
}

// proxy2 refuses the settings of an upstream proxy without their companions. That a proxy with HTTPS may have credentials
// without proxy_auth_allow_insecure is inferred.
func (k kubernetes) proxy2(Release) error {
	insecure := k.ProxyAllowInsecure != nil && *k.ProxyAllowInsecure
	hasSecret := k.ProxySecretName != nil && k.ProxySecretKey != nil
	switch {
	case k.HTTPSProxy == nil && (k.NoProxy != nil || k.ConnectByHostname != nil || k.ProxyCABundle != nil || hasSecret):
		return errors.New("there are settings for a proxy and no https_proxy")
	case (k.ProxySecretName == nil) != (k.ProxySecretKey == nil):
		return errors.New("the Secret with the proxy's credentials or its key is not set")
	case !hasSecret && insecure:
		return errors.New("proxy_auth_allow_insecure has no credentials that it could apply to")
	case hasSecret && !insecure && strings.HasPrefix(strings.ToLower(*k.HTTPSProxy), "http:"):
		return errors.New("the proxy's credentials would be sent without encryption, which proxy_auth_allow_insecure does not allow")
	}
	return nil
}

// driverTables2 has no keys of which it is unknown whether a release accepts them.
var driverTables2 = map[string]schema{
	"kubernetes-secrets": table(map[string]schema{"namespace": text()}),
	"vault": table(map[string]schema{
		"address": text(vaultAddress, encrypted).must(), "ca_bundle": text(notEmpty), "mount": text(notEmpty), "kv_version": oneOf("1", "2"),
		"auth_method": oneOf("kubernetes", "token_file"), "role": text(notEmpty), "kubernetes_auth_mount": text(notEmpty),
		"service_account_token_path": text(), "token_path": text(), "timeout_secs": unsigned(),
	}),
}

// encrypted accepts a URL with HTTPS or of this machine.
func encrypted(s string) error {
	u, err := url.Parse(strings.TrimSpace(s))
	if err != nil {
		return err
	}
	address, err := netip.ParseAddr(u.Hostname())
	if u.Scheme != "https" && u.Hostname() != "localhost" && (err != nil || !address.IsLoopback()) {
		return errors.New("the address of vault does not use HTTPS")
	}
	return nil
}
