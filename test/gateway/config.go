package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/netip"

	"github.com/pelletier/go-toml/v2"
)

// Config holds the parts of a gateway.toml that decide how a gateway starts and serves.
type Config struct {
	OpenShell struct {
		Gateway           Settings       `toml:"gateway"`
		Drivers           map[string]any `toml:"drivers"`
		CredentialDrivers map[string]any `toml:"credential_drivers"`
		Supervisor        struct {
			Middleware []Extension `toml:"middleware"`
		} `toml:"supervisor"`
	} `toml:"openshell"`

	release    Release
	kubernetes kubernetes
}

// Settings are those of the table openshell.gateway.
type Settings struct {
	BindAddress       netip.AddrPort  `toml:"bind_address"`
	HealthBindAddress *netip.AddrPort `toml:"health_bind_address"`
	MetricsAddress    *netip.AddrPort `toml:"metrics_bind_address"`
	DisableTLS        bool            `toml:"disable_tls"`
	TLS               *TLS            `toml:"tls"`
	OIDC              *OIDC           `toml:"oidc"`
	JWT               *JWT            `toml:"gateway_jwt"`
	Auth              struct {
		AllowUnauthenticatedUsers bool `toml:"allow_unauthenticated_users"`
	} `toml:"auth"`
	CredentialDrivers       *[]string      `toml:"credential_drivers"`
	DefaultCredentialDriver *string        `toml:"default_credential_driver"`
	CredentialStorage       map[string]any `toml:"credential_storage"`

	DatabaseURL    *string                        `toml:"database_url"`
	ComputeDrivers []string                       `toml:"compute_drivers"` // version 1
	ComputeDriver  *string                        `toml:"compute_driver"`  // version 2
	MTLSAuth       *struct{ Enabled bool }        `toml:"mtls_auth"`
	RateRequests   *int64                         `toml:"grpc_rate_limit_requests"`
	RateWindow     *int64                         `toml:"grpc_rate_limit_window_seconds"`
	Interceptors   []Extension                    `toml:"interceptors"`
	Sources        *[]struct{ Type, Name string } `toml:"provider_profile_sources"`
}

// TLS is the table openshell.gateway.tls.
type TLS struct {
	CertPath            string   `toml:"cert_path"`
	KeyPath             string   `toml:"key_path"`
	ClientCAPath        string   `toml:"client_ca_path"`
	ExternalCertPath    string   `toml:"external_cert_path"`
	ExternalKeyPath     string   `toml:"external_key_path"`
	ExternalServerNames []string `toml:"external_server_names"`
}

// OIDC is the table openshell.gateway.oidc.
type OIDC struct {
	Issuer        string   `toml:"issuer"`
	AdminRole     *string  `toml:"admin_role"`
	UserRole      *string  `toml:"user_role"`
	JWKSOrigins   []string `toml:"jwks_allowed_origins"`
	AllowInsecure bool     `toml:"dangerously_allow_insecure_http"`
}

// JWT is the table openshell.gateway.gateway_jwt.
type JWT struct {
	SigningKeyPath string `toml:"signing_key_path"`
	PublicKeyPath  string `toml:"public_key_path"`
	KidPath        string `toml:"kid_path"`
	GatewayID      string `toml:"gateway_id"`
	TTLSeconds     int64  `toml:"ttl_secs"`
}

// Extension is an interceptor or a supervisor middleware.
type Extension struct {
	Name          string `toml:"name"`
	Endpoint      string `toml:"grpc_endpoint"`
	CAPath        string `toml:"tls_ca_cert_path"`
	AllowInsecure bool   `toml:"allow_insecure_transport"`
}

// Parse returns the configuration that a gateway of this release reads from the text of its gateway.toml. It returns an
// error if the gateway refuses the text, whatever other files it has.
func Parse(r Release, name string, text []byte) (*Config, error) {
	c := &Config{release: r}
	decode, rules := c.decode, c.rules()
	if r.ReadsSchema2() {
		decode, rules = c.decode2, c.rules2()
	}
	if r > Newest {
		return nil, fmt.Errorf("release %s of the gateway is not described", r)
	}
	if err := decode(r, name, text); err != nil {
		return nil, err
	}
	if !c.OpenShell.Gateway.BindAddress.IsValid() {
		c.OpenShell.Gateway.BindAddress = netip.MustParseAddrPort("127.0.0.1:17670")
	}
	if jwt := c.OpenShell.Gateway.JWT; jwt != nil && jwt.GatewayID == "" {
		jwt.GatewayID = "openshell"
	}
	for _, rule := range rules {
		if err := rule(r); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// decode reads version 1 of gateway.toml.
func (c *Config) decode(r Release, name string, text []byte) error {
	if len(bytes.TrimSpace(text)) == 0 {
		return nil
	}
	var raw map[string]any
	err := toml.Unmarshal(text, &raw)
	if err == nil {
		err = file.accepts(r, raw)
	}
	if err == nil {
		err = toml.Unmarshal(text, c)
	}
	if err != nil {
		return fmt.Errorf("gateway.toml '%s' cannot be parsed: %w", name, err)
	}
	return c.selectDriver(r, raw)
}

// rules returns the rules of version 1 about several keys, in their order.
func (c *Config) rules() []func(Release) error {
	return []func(Release) error{c.onlyInArguments, c.listeners, c.authentication, c.credentials, c.extensions, c.driver}
}

// inherit maps the keys of openshell.gateway that the kubernetes driver takes over to its own.
var inherit = map[string]string{
	"sandbox_namespace": "namespace", "default_image": "default_image", "supervisor_image": "supervisor_image",
	"client_tls_secret_name": "client_tls_secret_name", "service_account_name": "service_account_name", "host_gateway_ip": "host_gateway_ip",
	"enable_user_namespaces": "enable_user_namespaces", "sa_token_ttl_secs": "sa_token_ttl_secs",
}

// selectDriver checks and reads the table of the kubernetes driver. An in-cluster gateway uses no other driver.
func (c *Config) selectDriver(r Release, raw map[string]any) error {
	openshell, _ := raw["openshell"].(map[string]any)
	settings, _ := openshell["gateway"].(map[string]any)
	drivers, _ := openshell["drivers"].(map[string]any)
	given, _ := drivers["kubernetes"].(map[string]any)
	merged := map[string]any{}
	for from, to := range inherit {
		if value, ok := settings[from]; ok {
			merged[to] = value
		}
	}
	maps.Copy(merged, given)
	return c.decodeDriver(r, kubernetesTable, merged)
}

// decodeDriver checks the table of the kubernetes driver against its schema, and reads it.
func (c *Config) decodeDriver(r Release, schema schema, given map[string]any) error {
	err := schema.accepts(r, given)
	if err == nil {
		var text []byte
		if text, err = toml.Marshal(given); err == nil {
			err = toml.Unmarshal(text, &c.kubernetes)
		}
	}
	if err != nil {
		return fmt.Errorf("configuration error: the table openshell.drivers.kubernetes: %w", err)
	}
	return nil
}

// onlyInArguments refuses what a gateway takes from its arguments and environment only.
func (c *Config) onlyInArguments(Release) error {
	if c.OpenShell.Gateway.DatabaseURL != nil {
		return errors.New("database_url is in the file; it can be in the environment or the arguments only")
	}
	return nil
}
