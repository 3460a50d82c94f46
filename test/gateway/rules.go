package gateway

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// kubernetes holds the keys of openshell.drivers.kubernetes that depend on each other.
type kubernetes struct {
	Mode           string  `toml:"workspace_mode"`
	GatewayID      *string `toml:"gateway_id"`
	NamespaceLabel *string `toml:"operator_namespace_label"`
	NamespaceFile  *string `toml:"operator_namespace_file"`
	Topology       string  `toml:"topology"`
	ServiceAccount *string `toml:"service_account_name"`
	SandboxUID     *int64  `toml:"sandbox_uid"`
	SandboxGID     *int64  `toml:"sandbox_gid"`
	Sidecar        struct {
		ProxyUID *int64 `toml:"proxy_uid"`
	} `toml:"sidecar"`
	HTTPSProxy         *string `toml:"https_proxy"`
	NoProxy            *string `toml:"no_proxy"`
	ProxyCABundle      *string `toml:"proxy_ca_bundle"`
	ProxySecretName    *string `toml:"proxy_auth_secret_name"`
	ProxySecretKey     *string `toml:"proxy_auth_secret_key"`
	ProxyAllowInsecure *bool   `toml:"proxy_auth_allow_insecure"`
	ConnectByHostname  *bool   `toml:"proxy_connect_by_hostname"`
	ManagedSSHIngress  struct {
		Enabled   bool              `toml:"enabled"`
		Namespace string            `toml:"gateway_namespace"`
		Selector  map[string]string `toml:"gateway_pod_selector"`
	} `toml:"managed_ssh_ingress"`
}

// listeners refuses two listeners on one port, and a rate limit of which only one half is set.
func (c *Config) listeners(Release) error {
	g := c.OpenShell.Gateway
	grpc, health, metrics := g.BindAddress.Port(), portOf(g.HealthBindAddress), portOf(g.MetricsAddress)
	switch {
	case grpc == health:
		return fmt.Errorf("the gateway and its health server cannot both listen on port %d", grpc)
	case grpc == metrics:
		return fmt.Errorf("the gateway and its metrics server cannot both listen on port %d", grpc)
	case health == metrics && health != 0:
		return fmt.Errorf("the health and metrics servers cannot both listen on port %d", health)
	}
	disabled := g.RateRequests != nil && *g.RateRequests == 0 || g.RateWindow != nil && *g.RateWindow == 0
	if !disabled && (g.RateRequests == nil) != (g.RateWindow == nil) {
		return errors.New("one rate limit key is set without the other")
	}
	return nil
}

func portOf(address *netip.AddrPort) uint16 {
	if address == nil {
		return 0
	}
	return address.Port()
}

// authentication refuses settings of TLS, tokens and OIDC that contradict each other.
func (c *Config) authentication(Release) error {
	g := c.OpenShell.Gateway
	if err := c.encryption(); err != nil {
		return err
	}
	if g.MTLSAuth != nil && g.MTLSAuth.Enabled {
		return errors.New("the compute driver kubernetes does not identify users by certificates")
	}
	if _, ok := c.OpenShell.Drivers["kubernetes"]; g.JWT != nil && !ok {
		return errors.New("configuration error: tokens for sandboxes need the table openshell.drivers.kubernetes")
	}
	if err := c.externalCertificate(); err != nil {
		return err
	}
	return c.oidc()
}

func (c *Config) encryption() error {
	g := c.OpenShell.Gateway
	switch {
	case g.DisableTLS && g.TLS != nil && g.TLS.ClientCAPath != "":
		return errors.New("client certificates cannot be verified without TLS")
	case !g.DisableTLS && g.TLS == nil:
		return errors.New("TLS is enabled and no certificate is set")
	}
	return nil
}

func (c *Config) externalCertificate() error {
	t := c.OpenShell.Gateway.TLS
	switch {
	case t == nil || c.OpenShell.Gateway.DisableTLS:
	case (t.ExternalCertPath == "") != (t.ExternalKeyPath == ""):
		return errors.New("TLS error: the external certificate or its key is not set")
	case t.ExternalCertPath != "" && len(t.ExternalServerNames) == 0:
		return errors.New("TLS error: no server name selects the external certificate")
	}
	return nil
}

func (c *Config) oidc() error {
	oidc := c.OpenShell.Gateway.OIDC
	if oidc == nil {
		return nil
	}
	if err := oidc.roles(); err != nil {
		return err
	}
	if u, err := url.Parse(oidc.Issuer); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("configuration error: the OIDC issuer %s is not a URL", oidc.Issuer)
	}
	return nil
}

func (o *OIDC) roles() error {
	if admin, user := o.AdminRole, o.UserRole; (admin == nil || *admin != "") != (user == nil || *user != "") {
		return errors.New("configuration error: one of the OIDC roles is empty and the other is not")
	}
	return nil
}

// extensions refuses interceptors, middleware and provider profile sources that cannot be registered.
func (c *Config) extensions(r Release) error {
	g := c.OpenShell.Gateway
	authenticated := r >= firstListing && g.JWT != nil
	names := map[string]bool{}
	for _, e := range g.Interceptors {
		if names[e.Name] {
			return fmt.Errorf("configuration error: two interceptors have the name '%s'", e.Name)
		}
		names[e.Name] = true
		if !slices.ContainsFunc([]string{"http://", "https://", "unix://"}, func(s string) bool { return strings.HasPrefix(e.Endpoint, s) }) {
			return fmt.Errorf("configuration error: no interceptor can be reached at '%s'", e.Endpoint)
		}
		if authenticated && !e.AllowInsecure && strings.HasPrefix(e.Endpoint, "http://") {
			return fmt.Errorf("configuration error: interceptor '%s' would get tokens without encryption", e.Name)
		}
	}
	for _, e := range c.OpenShell.Supervisor.Middleware {
		if authenticated && !e.AllowInsecure && !strings.HasPrefix(e.Endpoint, "https://") {
			return fmt.Errorf("configuration error: middleware '%s' would get tokens without encryption", e.Name)
		}
	}
	return c.profileSources(names)
}

func (c *Config) profileSources(interceptors map[string]bool) error {
	sources := c.OpenShell.Gateway.Sources
	if sources == nil {
		return nil
	}
	const failed = "configuration error: provider_profile_sources: "
	if len(*sources) == 0 {
		return errors.New(failed + "the list is empty")
	}
	seen := map[string]bool{}
	for _, source := range *sources {
		id := source.Type
		if id == "interceptor" {
			id += "/" + source.Name
			if !interceptors[source.Name] {
				return fmt.Errorf(failed+"no interceptor '%s' provides profiles", source.Name)
			}
		}
		if seen[id] {
			return fmt.Errorf(failed+"the source '%s' is listed twice", id)
		}
		seen[id] = true
	}
	return nil
}

// driver refuses settings of the kubernetes driver that contradict each other or are out of the release's range.
func (c *Config) driver(r Release) error {
	for _, name := range c.OpenShell.Gateway.ComputeDrivers {
		if len(c.OpenShell.Gateway.ComputeDrivers) > 1 || !strings.EqualFold(strings.TrimSpace(name), "kubernetes") {
			return fmt.Errorf("configuration error: no compute driver is named '%s'", name)
		}
	}
	return startDriver(r, c.kubernetes.identities, c.kubernetes.workspaces, c.kubernetes.proxy)
}

// startDriver applies rules of the kubernetes driver.
func startDriver(r Release, rules ...func(Release) error) error {
	for _, rule := range rules {
		if err := rule(r); err != nil {
			return fmt.Errorf("the compute driver cannot start: %w", err)
		}
	}
	return nil
}

func (k kubernetes) identities(r Release) error {
	low, high, highProxy := int64(1000), int64(2_000_000_000), int64(1<<32-1)
	if r >= 110 {
		low, high, highProxy = 1, 1<<32-2, 1<<32-2
	}
	if uid := k.Sidecar.ProxyUID; uid != nil && (*uid < 1000 || *uid > highProxy) {
		return fmt.Errorf("sidecar.proxy_uid is not between 1000 and %d", highProxy)
	}
	for name, id := range map[string]*int64{"sandbox_uid": k.SandboxUID, "sandbox_gid": k.SandboxGID} {
		if id != nil && (*id < low || *id > high) {
			return fmt.Errorf("%s is %d, which is not between %d and %d", name, *id, low, high)
		}
	}
	return nil
}
