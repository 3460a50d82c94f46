package gatewaytoml

// The types below describe gateway.toml of schema version 2, which gateways from OpenShell 0.1.0 to 0.1.5 read. The tags are
// those of schema.go, and types without V2 in their names are the same in both versions. A key is here only if a source names
// the release that has it. Later releases have more keys, and their names or places are not certain.

type configFileV2 struct {
	OpenShell struct {
		Version           int64                     `toml:"version" enum:"2" note:"gateways from OpenShell 0.1.0 on read no other version; kubectl gatewaytenant convert -f FILE converts the text"`
		Gateway           gatewayConfigV2           `toml:"gateway"`
		Drivers           driverConfigsV2           `toml:"drivers"`
		Supervisor        supervisorConfig          `toml:"supervisor"`
		CredentialDrivers credentialDriverConfigsV2 `toml:"credential_drivers"`
	} `toml:"openshell"`
}

// gatewayConfigV2 is the table openshell.gateway. The driver takes no key from it.
type gatewayConfigV2 struct {
	Name                        string              `toml:"name" format:"nonblank"`
	BindAddress                 string              `toml:"bind_address"`
	HealthBindAddress           string              `toml:"health_bind_address"`
	MetricsBindAddress          string              `toml:"metrics_bind_address"`
	LogLevel                    string              `toml:"log_level"`
	ComputeDriver               string              `toml:"compute_driver"`
	SSHSessionTTLSecs           uint64              `toml:"ssh_session_ttl_secs"`
	GRPCRateLimitRequests       uint64              `toml:"grpc_rate_limit_requests"`
	GRPCRateLimitWindowSeconds  uint64              `toml:"grpc_rate_limit_window_seconds"`
	ServerSANs                  []string            `toml:"server_sans"`
	EnableLoopbackServiceHTTP   bool                `toml:"enable_loopback_service_http"`
	EnableWebSocketTunnel       bool                `toml:"enable_websocket_tunnel" since:"0.1.1"` // before, the tunnel is always on
	DisableTLS                  bool                `toml:"disable_tls"`
	TLS                         tlsConfigV2         `toml:"tls"`
	Auth                        authConfig          `toml:"auth"`
	MTLSAuth                    mtlsAuthConfig      `toml:"mtls_auth" since:"0.1.3"` // before, gateways do not start with it on Kubernetes
	OIDC                        oidcConfigV2        `toml:"oidc"`
	GatewayJWT                  gatewayJWTConfigV2  `toml:"gateway_jwt"`
	Interceptors                []interceptorConfig `toml:"interceptors"`
	ProviderProfileSources      []profileSourceV2   `toml:"provider_profile_sources"`
	OTLP                        otlpConfig          `toml:"otlp"`
	OCSFLog                     ocsfLogConfig       `toml:"ocsf_log" since:"0.1.3"`
	PolicyValidationFailureMode string              `toml:"policy_validation_failure_mode" enum:"fail_closed,retain_last_valid"`
	CredentialDrivers           []string            `toml:"credential_drivers"`
	DefaultCredentialDriver     string              `toml:"default_credential_driver"`
	CredentialStorage           credentialStorage   `toml:"credential_storage"`
}

type tlsConfigV2 struct {
	CertPath            string   `toml:"cert_path"`
	KeyPath             string   `toml:"key_path"`
	ClientCAPath        string   `toml:"client_ca_path"`
	ExternalCertPath    string   `toml:"external_cert_path" refused:"certificate"`
	ExternalKeyPath     string   `toml:"external_key_path" refused:"certificate"`
	ExternalServerNames []string `toml:"external_server_names" refused:"certificate"`
}

type oidcConfigV2 struct {
	Issuer                       string   `toml:"issuer" required:"true" format:"https-url"`
	Audience                     string   `toml:"audience" required:"true"`
	JWKSTTLSecs                  uint64   `toml:"jwks_ttl_secs" range:"1-"`
	JWKSAllowedOrigins           []string `toml:"jwks_allowed_origins" format:"https-origin"`
	DangerouslyAllowInsecureHTTP bool     `toml:"dangerously_allow_insecure_http" enum:"false" note:"it permits an issuer without TLS on the loopback address of the gateway's container only, and none listens there"`
	RolesClaim                   string   `toml:"roles_claim"`
	AdminRole                    string   `toml:"admin_role"`
	UserRole                     string   `toml:"user_role"`
	ScopesClaim                  string   `toml:"scopes_claim"`
}

type gatewayJWTConfigV2 struct {
	SigningKeyPath string `toml:"signing_key_path"`
	PublicKeyPath  string `toml:"public_key_path"`
	KidPath        string `toml:"kid_path"`
	GatewayID      string `toml:"gateway_id"`
	TTLSecs        uint64 `toml:"ttl_secs" range:"1-"`
}

// profileSourceV2 has a name only if its type is interceptor.
type profileSourceV2 struct {
	Type string `toml:"type" required:"true" enum:"user,interceptor" note:"the type builtin was removed; export the built-in profiles in use before the upgrade with openshell provider profile export ID -o yaml --global, and import them after it with openshell profile import --from DIRECTORY --global"`
	Name string `toml:"name" format:"nonblank"`
}

// ocsfLogConfig is a file of security events. The gateway's own default, a file in /tmp, cannot be written in its pod.
type ocsfLogConfig struct {
	Path          string `toml:"path" required:"true" format:"log-file"`
	SchemaVersion string `toml:"schema_version" enum:"1.1,1.3"`
	Rotation      string `toml:"rotation" enum:"daily,never"`
	MaxFiles      uint64 `toml:"max_files" range:"1-"`
	QueueCapacity uint64 `toml:"queue_capacity" range:"1-"`
	QueueMaxBytes uint64 `toml:"queue_max_bytes" range:"1-"`
}

// credentialDriverConfigsV2 are the tables openshell.credential_drivers. A gateway reads only that of the driver that it runs.
type credentialDriverConfigsV2 struct {
	Vault vaultConfigV2 `toml:"vault"`
	// KubernetesSecrets may run outside the gateway only, with transport = "uds". The driver vault may, too.
	KubernetesSecrets externalDriverConfigV2 `toml:"kubernetes-secrets"`
}

type vaultConfigV2 struct {
	Transport               string `toml:"transport" enum:"in_tree,uds"`
	Address                 string `toml:"address" required:"true" format:"vault-https"`
	CABundle                string `toml:"ca_bundle" format:"ca-file"`
	Mount                   string `toml:"mount" format:"vault-path"`
	KVVersion               string `toml:"kv_version" enum:"1,2"`
	AuthMethod              string `toml:"auth_method" enum:"kubernetes,token_file"`
	Role                    string `toml:"role" format:"trimmed"`
	KubernetesAuthMount     string `toml:"kubernetes_auth_mount" format:"vault-path"`
	ServiceAccountTokenPath string `toml:"service_account_token_path"`
	TokenPath               string `toml:"token_path"`
	TimeoutSecs             uint64 `toml:"timeout_secs" range:"1-"`
	StartupTimeoutSecs      uint64 `toml:"startup_timeout_secs" refused:"command"`
}

// externalDriverConfigV2 is for tables with a transport.
type externalDriverConfigV2 struct {
	Transport          string `toml:"transport" enum:"uds"`
	SocketPath         string `toml:"socket_path" required:"true" format:"socket"`
	StartupTimeoutSecs uint64 `toml:"startup_timeout_secs" refused:"command"`
}

// driverConfigsV2 are the tables openshell.drivers. A gateway on Kubernetes reads one of them.
type driverConfigsV2 struct {
	Kubernetes kubernetesDriverConfigV2 `toml:"kubernetes"`
}
