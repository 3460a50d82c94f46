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
	SandboxUID     *int64  `toml:"sandbox_uid"`
	SandboxGID     *int64  `toml:"sandbox_gid"`
	Sidecar        struct {
		ProxyUID *int64 `toml:"proxy_uid"`
	} `toml:"sidecar"`
	HTTPSProxy         *string `toml:"https_proxy"`
	NoProxy            *string `toml:"no_proxy"`
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
		return fmt.Errorf("--port and --health-port must be different (both set to %d)", grpc)
	case grpc == metrics:
		return fmt.Errorf("--port and --metrics-port must be different (both set to %d)", grpc)
	case health == metrics && health != 0:
		return fmt.Errorf("--health-port and --metrics-port must be different (both set to %d)", health)
	}
	disabled := g.RateRequests != nil && *g.RateRequests == 0 || g.RateWindow != nil && *g.RateWindow == 0
	if !disabled && (g.RateRequests == nil) != (g.RateWindow == nil) {
		return errors.New("--grpc-rate-limit-requests and --grpc-rate-limit-window-seconds must be set together")
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
	switch {
	case g.DisableTLS && g.TLS != nil && g.TLS.ClientCAPath != "":
		return errors.New("--disable-tls and --tls-client-ca are mutually exclusive. " +
			"Client certificate verification requires that TLS be enabled")
	case !g.DisableTLS && g.TLS == nil:
		return errors.New("--tls-cert is required when TLS is enabled (use --disable-tls to skip)")
	case g.MTLSAuth.Enabled:
		return errors.New("mTLS user authentication is not supported with the Kubernetes compute driver. " +
			"Configure OIDC or a trusted fronting proxy for user authentication")
	}
	if _, ok := c.OpenShell.Drivers["kubernetes"]; g.JWT != nil && !ok {
		return errors.New("configuration error: K8s ServiceAccount bootstrap requires [openshell.drivers.kubernetes] " +
			"when sandbox JWT issuing is enabled in-cluster")
	}
	if t := g.TLS; t != nil && !g.DisableTLS {
		if (t.ExternalCertPath == "") != (t.ExternalKeyPath == "") {
			return errors.New("TLS error: external_cert_path and external_key_path must be set together")
		}
		if t.ExternalCertPath != "" && len(t.ExternalServerNames) == 0 {
			return errors.New("TLS error: external certificate is configured but external_server_names is empty — " +
				"the external cert would never be served")
		}
	}
	return c.oidc()
}

func (c *Config) oidc() error {
	oidc := c.OpenShell.Gateway.OIDC
	if oidc == nil {
		return nil
	}
	if admin, user := oidc.AdminRole, oidc.UserRole; (admin == nil || *admin != "") != (user == nil || *user != "") {
		return errors.New("configuration error: OIDC RBAC misconfiguration. " +
			"Either set both roles (RBAC mode) or leave both empty (authentication-only mode)")
	}
	if u, err := url.Parse(oidc.Issuer); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("configuration error: OIDC initialization failed: builder error for url (%s)", oidc.Issuer)
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
			return fmt.Errorf("configuration error: gateway interceptor initialization failed: duplicate interceptor instance name '%s'", e.Name)
		}
		names[e.Name] = true
		if !slices.ContainsFunc([]string{"http://", "https://", "unix://"}, func(s string) bool { return strings.HasPrefix(e.Endpoint, s) }) {
			return fmt.Errorf("configuration error: gateway interceptor initialization failed: unsupported endpoint '%s'", e.Endpoint)
		}
		if authenticated && !e.AllowInsecure && strings.HasPrefix(e.Endpoint, "http://") {
			return fmt.Errorf("configuration error: authenticated interceptor '%s' must use https:// or unix://", e.Name)
		}
	}
	for _, e := range c.OpenShell.Supervisor.Middleware {
		if authenticated && !e.AllowInsecure && !strings.HasPrefix(e.Endpoint, "https://") {
			return fmt.Errorf("configuration error: authenticated middleware '%s' must use https://", e.Name)
		}
	}
	return c.profileSources(names)
}

func (c *Config) profileSources(interceptors map[string]bool) error {
	sources := c.OpenShell.Gateway.Sources
	if sources == nil {
		return nil
	}
	const failed = "configuration error: provider profile source configuration failed: "
	if len(*sources) == 0 {
		return errors.New(failed + "provider_profile_sources must contain at least one source")
	}
	seen := map[string]bool{}
	for _, source := range *sources {
		id := source.Type
		if id == "interceptor" {
			id += "/" + source.Name
			if !interceptors[source.Name] {
				return fmt.Errorf(failed+"provider profile source interceptor '%s' is not configured or does not advertise provider_profiles", source.Name)
			}
		}
		if seen[id] {
			return fmt.Errorf(failed+"duplicate provider profile source '%s' in provider_profile_sources", id)
		}
		seen[id] = true
	}
	return nil
}

// driver refuses settings of the kubernetes driver that contradict each other or are out of the release's range.
func (c *Config) driver(r Release) error {
	for _, name := range c.OpenShell.Gateway.ComputeDrivers {
		if len(c.OpenShell.Gateway.ComputeDrivers) > 1 || !strings.EqualFold(strings.TrimSpace(name), "kubernetes") {
			return fmt.Errorf("configuration error: unsupported compute driver '%s'", name)
		}
	}
	for _, rule := range []func(Release) error{c.kubernetes.identities, c.kubernetes.workspaces, c.kubernetes.proxy} {
		if err := rule(r); err != nil {
			return fmt.Errorf("execution error: failed to create compute runtime: %w", err)
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
		return fmt.Errorf("sidecar.proxy_uid must be in range [1000, %d]", highProxy)
	}
	for name, id := range map[string]*int64{"sandbox_uid": k.SandboxUID, "sandbox_gid": k.SandboxGID} {
		if id != nil && (*id < low || *id > high) {
			return fmt.Errorf("%s %d is outside the allowed range [%d, %d]", name, *id, low, high)
		}
	}
	return nil
}
