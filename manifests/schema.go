package manifests

// The types below are gateway.toml, as far as OpenShell's source knows it: every key with its type and, in the tag since,
// the gateway's version that it came with. A gateway refuses to start on a key that it does not know, so a key that is
// not here is refused, and one that came later than the tenant's gateway, too. To support a new version, add its keys.
// No key has ever been removed or changed its type.
//
// Other tags: enum lists the values that there are, required says that a table needs the key, absolute that it is a path
// from the root.

type configFile struct {
	OpenShell struct {
		Version           int64                     `toml:"version" enum:"0,1"`
		Gateway           gatewayConfig             `toml:"gateway"`
		Drivers           driverConfigs             `toml:"drivers"`
		Supervisor        supervisorConfig          `toml:"supervisor" since:"0.0.86"`
		CredentialDrivers map[string]map[string]any `toml:"credential_drivers" since:"0.0.100"`
	} `toml:"openshell"`
}

// gatewayConfig is the table openshell.gateway. Where a key is also one of the driver's, the driver's wins.
type gatewayConfig struct {
	BindAddress                 string            `toml:"bind_address"`
	HealthBindAddress           string            `toml:"health_bind_address"`
	MetricsBindAddress          string            `toml:"metrics_bind_address"`
	LogLevel                    string            `toml:"log_level"`
	ComputeDrivers              []string          `toml:"compute_drivers"`
	SandboxNamespace            string            `toml:"sandbox_namespace"`
	SSHSessionTTLSecs           uint64            `toml:"ssh_session_ttl_secs"`
	GRPCRateLimitRequests       uint64            `toml:"grpc_rate_limit_requests"`
	GRPCRateLimitWindowSeconds  uint64            `toml:"grpc_rate_limit_window_seconds"`
	ServerSANs                  []string          `toml:"server_sans"`
	EnableLoopbackServiceHTTP   bool              `toml:"enable_loopback_service_http"`
	DefaultImage                string            `toml:"default_image"`
	SupervisorImage             string            `toml:"supervisor_image"`
	ClientTLSSecretName         string            `toml:"client_tls_secret_name"`
	ServiceAccountName          string            `toml:"service_account_name"`
	HostGatewayIP               string            `toml:"host_gateway_ip"`
	EnableUserNamespaces        bool              `toml:"enable_user_namespaces"`
	SATokenTTLSecs              int64             `toml:"sa_token_ttl_secs"`
	DisableTLS                  bool              `toml:"disable_tls"`
	GuestTLSCA                  string            `toml:"guest_tls_ca"` // these three are not for Kubernetes
	GuestTLSCert                string            `toml:"guest_tls_cert"`
	GuestTLSKey                 string            `toml:"guest_tls_key"`
	TLS                         tlsConfig         `toml:"tls"`
	Auth                        authConfig        `toml:"auth"`
	MTLSAuth                    mtlsAuthConfig    `toml:"mtls_auth"`
	OIDC                        oidcConfig        `toml:"oidc"`
	GatewayJWT                  gatewayJWTConfig  `toml:"gateway_jwt"`
	Interceptors                []map[string]any  `toml:"interceptors" since:"0.0.84"`
	ProviderProfileSources      []any             `toml:"provider_profile_sources" since:"0.0.84"`
	OTLP                        otlpConfig        `toml:"otlp" since:"0.0.96"`
	PolicyValidationFailureMode string            `toml:"policy_validation_failure_mode" since:"0.0.97" enum:"fail_closed,retain_last_valid"`
	CredentialDrivers           []string          `toml:"credential_drivers" since:"0.0.100"`
	DefaultCredentialDriver     string            `toml:"default_credential_driver" since:"0.0.100"`
	CredentialStorage           credentialStorage `toml:"credential_storage" since:"0.0.100"`
}

type tlsConfig struct {
	CertPath            string   `toml:"cert_path"`
	KeyPath             string   `toml:"key_path"`
	ClientCAPath        string   `toml:"client_ca_path"`
	RequireClientAuth   bool     `toml:"require_client_auth"` // taken and ignored
	ExternalCertPath    string   `toml:"external_cert_path" since:"0.0.106"`
	ExternalKeyPath     string   `toml:"external_key_path" since:"0.0.106"`
	ExternalServerNames []string `toml:"external_server_names" since:"0.0.106"`
}

type authConfig struct {
	AllowUnauthenticatedUsers bool `toml:"allow_unauthenticated_users"`
}

type mtlsAuthConfig struct {
	Enabled bool `toml:"enabled"`
}

type oidcConfig struct {
	Issuer      string `toml:"issuer" required:"true"`
	Audience    string `toml:"audience" required:"true"`
	JWKSTTLSecs uint64 `toml:"jwks_ttl_secs"`
	RolesClaim  string `toml:"roles_claim"`
	AdminRole   string `toml:"admin_role"`
	UserRole    string `toml:"user_role"`
	ScopesClaim string `toml:"scopes_claim"`
}

type gatewayJWTConfig struct {
	SigningKeyPath string `toml:"signing_key_path"`
	PublicKeyPath  string `toml:"public_key_path"`
	KidPath        string `toml:"kid_path"`
	GatewayID      string `toml:"gateway_id"`
	TTLSecs        uint64 `toml:"ttl_secs"`
}

type otlpConfig struct {
	Endpoint    string `toml:"endpoint" required:"true"`
	ServiceName string `toml:"service_name"`
}

type credentialStorage struct {
	KeyEncryptionKeyEnv  string `toml:"key_encryption_key_env"`
	KeyEncryptionKeyPath string `toml:"key_encryption_key_path" absolute:"true"`
}

type supervisorConfig struct {
	Middleware []struct {
		Name            string `toml:"name" required:"true"`
		GRPCEndpoint    string `toml:"grpc_endpoint" required:"true"`
		MaxPayloadBytes uint64 `toml:"max_payload_bytes"`
		MaxBodyBytes    uint64 `toml:"max_body_bytes"` // another name of it; one of the two is required
	} `toml:"middleware"`
}

// driverConfigs are the tables openshell.drivers. A gateway on Kubernetes runs one of them.
type driverConfigs struct {
	Kubernetes kubernetesDriverConfig `toml:"kubernetes"`
}

type kubernetesDriverConfig struct {
	Namespace                   string           `toml:"namespace"`
	ServiceAccountName          string           `toml:"service_account_name"`
	GRPCEndpoint                string           `toml:"grpc_endpoint"`
	ClientTLSSecretName         string           `toml:"client_tls_secret_name"`
	DefaultImage                string           `toml:"default_image"`
	ImagePullPolicy             string           `toml:"image_pull_policy"`
	ImagePullSecrets            []string         `toml:"image_pull_secrets"`
	SupervisorImage             string           `toml:"supervisor_image"`
	SupervisorImagePullPolicy   string           `toml:"supervisor_image_pull_policy"`
	SupervisorSideloadMethod    string           `toml:"supervisor_sideload_method" enum:"image-volume,init-container"`
	SSHSocketPath               string           `toml:"ssh_socket_path"`
	HostGatewayIP               string           `toml:"host_gateway_ip"`
	EnableUserNamespaces        bool             `toml:"enable_user_namespaces"`
	AppArmorProfile             string           `toml:"app_armor_profile"`
	WorkspaceDefaultStorageSize string           `toml:"workspace_default_storage_size"`
	DefaultRuntimeClassName     string           `toml:"default_runtime_class_name"`
	SATokenTTLSecs              int64            `toml:"sa_token_ttl_secs"`
	SPIFFEWorkloadAPISocketPath string           `toml:"provider_spiffe_workload_api_socket_path"`
	SandboxUID                  uint32           `toml:"sandbox_uid" since:"0.0.76"`
	SandboxGID                  uint32           `toml:"sandbox_gid" since:"0.0.76"`
	Topology                    string           `toml:"topology" since:"0.0.82" enum:"combined,sidecar"`
	Sidecar                     sidecarConfig    `toml:"sidecar" since:"0.0.82"`
	WorkspaceStorageClass       string           `toml:"workspace_storage_class" since:"0.0.94"`
	HTTPSProxy                  string           `toml:"https_proxy" since:"0.0.107"`
	NoProxy                     string           `toml:"no_proxy" since:"0.0.107"`
	ProxyAuthSecretName         string           `toml:"proxy_auth_secret_name" since:"0.0.107"`
	ProxyAuthSecretKey          string           `toml:"proxy_auth_secret_key" since:"0.0.107"`
	ProxyAuthAllowInsecure      bool             `toml:"proxy_auth_allow_insecure" since:"0.0.107"`
	ProxyConnectByHostname      bool             `toml:"proxy_connect_by_hostname" since:"0.0.107"`
	WorkspaceMode               string           `toml:"workspace_mode" since:"0.0.107" enum:"shared"` // managed and operator need rights in other namespaces
	GatewayID                   string           `toml:"gateway_id" since:"0.0.107"`
	ManagedSSHIngress           managedSSHConfig `toml:"managed_ssh_ingress" since:"0.0.107"`
}

type sidecarConfig struct {
	ProxyUID                        uint32 `toml:"proxy_uid"`
	ProcessBinaryAwareNetworkPolicy bool   `toml:"process_binary_aware_network_policy"`
}

type managedSSHConfig struct {
	Enabled            bool           `toml:"enabled"`
	GatewayNamespace   string         `toml:"gateway_namespace"`
	GatewayPodSelector map[string]any `toml:"gateway_pod_selector"`
}
