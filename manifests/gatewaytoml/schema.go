package gatewaytoml

// The types below describe gateway.toml of schema version 1, which gateways before OpenShell 0.1.0 read: every key with its
// type, and the rules about that key alone that a gateway enforces when it starts. A gateway does not start with a key or value
// that breaks them. Rules about several keys are in contradictions.go, credentials.go and extensions.go. Schema version 2 is in
// schema2.go. To support a new release, add its keys and rules.
//
// The tags of a field:
//   - since, until: the first and the last release that knows the key, if not all of them do
//   - required: the table must have the key
//   - enum: the values, separated by commas; with trim, the gateway ignores white space around them; note says why
//     the operator rejects others, even if a gateway accepts them
//   - format: the format of a string, see [formats]; by release as in [partAt]
//   - range: the first and the last number, see [rangeAt]; by release as in [partAt]
//   - refused: the key is rejected although gateways accept it, for a reason in [refusals]
//
// In arrays, the tag enum applies to the items.

type configFile struct {
	OpenShell struct {
		Version           int64                   `toml:"version" enum:"0,1" note:"gateways before OpenShell 0.1.0 read no other version; remove it: the operator sets the version"`
		Gateway           gatewayConfig           `toml:"gateway"`
		Drivers           driverConfigs           `toml:"drivers"`
		Supervisor        supervisorConfig        `toml:"supervisor" since:"0.0.86"`
		CredentialDrivers credentialDriverConfigs `toml:"credential_drivers" since:"0.0.100"`
	} `toml:"openshell"`
}

// gatewayConfig is the table openshell.gateway. Where a key is also one of the driver's, the driver's wins.
type gatewayConfig struct {
	BindAddress                 string              `toml:"bind_address"`
	HealthBindAddress           string              `toml:"health_bind_address"`
	MetricsBindAddress          string              `toml:"metrics_bind_address"`
	LogLevel                    string              `toml:"log_level"`
	ComputeDrivers              []string            `toml:"compute_drivers"`
	SandboxNamespace            string              `toml:"sandbox_namespace"`
	SSHSessionTTLSecs           uint64              `toml:"ssh_session_ttl_secs"`
	GRPCRateLimitRequests       uint64              `toml:"grpc_rate_limit_requests"`
	GRPCRateLimitWindowSeconds  uint64              `toml:"grpc_rate_limit_window_seconds"`
	ServerSANs                  []string            `toml:"server_sans"`
	EnableLoopbackServiceHTTP   bool                `toml:"enable_loopback_service_http"`
	DefaultImage                string              `toml:"default_image"`
	SupervisorImage             string              `toml:"supervisor_image"`
	ClientTLSSecretName         string              `toml:"client_tls_secret_name"`
	ServiceAccountName          string              `toml:"service_account_name"`
	HostGatewayIP               string              `toml:"host_gateway_ip"`
	EnableUserNamespaces        bool                `toml:"enable_user_namespaces"`
	SATokenTTLSecs              int64               `toml:"sa_token_ttl_secs"`
	DisableTLS                  bool                `toml:"disable_tls"`
	GuestTLSCA                  string              `toml:"guest_tls_ca"` // these three are not for Kubernetes
	GuestTLSCert                string              `toml:"guest_tls_cert"`
	GuestTLSKey                 string              `toml:"guest_tls_key"`
	TLS                         tlsConfig           `toml:"tls"`
	Auth                        authConfig          `toml:"auth"`
	MTLSAuth                    mtlsAuthConfig      `toml:"mtls_auth"`
	OIDC                        oidcConfig          `toml:"oidc"`
	GatewayJWT                  gatewayJWTConfig    `toml:"gateway_jwt"`
	Interceptors                []interceptorConfig `toml:"interceptors" since:"0.0.84"`
	ProviderProfileSources      []profileSource     `toml:"provider_profile_sources" since:"0.0.84"`
	OTLP                        otlpConfig          `toml:"otlp" since:"0.0.96"`
	PolicyValidationFailureMode string              `toml:"policy_validation_failure_mode" since:"0.0.97" enum:"fail_closed,retain_last_valid"`
	CredentialDrivers           []string            `toml:"credential_drivers" since:"0.0.100"`
	DefaultCredentialDriver     string              `toml:"default_credential_driver" since:"0.0.100"`
	CredentialStorage           credentialStorage   `toml:"credential_storage" since:"0.0.100"`
}

type tlsConfig struct {
	CertPath            string   `toml:"cert_path"`
	KeyPath             string   `toml:"key_path"`
	ClientCAPath        string   `toml:"client_ca_path"`
	RequireClientAuth   bool     `toml:"require_client_auth"` // taken and ignored
	ExternalCertPath    string   `toml:"external_cert_path" since:"0.0.106" refused:"certificate"`
	ExternalKeyPath     string   `toml:"external_key_path" since:"0.0.106" refused:"certificate"`
	ExternalServerNames []string `toml:"external_server_names" since:"0.0.106"` // ignored without the two above
}

type authConfig struct {
	AllowUnauthenticatedUsers bool `toml:"allow_unauthenticated_users"`
}

type mtlsAuthConfig struct {
	Enabled bool `toml:"enabled"`
}

type oidcConfig struct {
	Issuer      string `toml:"issuer" required:"true" format:"url"`
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
	KeyEncryptionKeyEnv  string `toml:"key_encryption_key_env" refused:"key-variable"`
	KeyEncryptionKeyPath string `toml:"key_encryption_key_path" format:"file"`
}

type interceptorConfig struct {
	Name                   string               `toml:"name" required:"true" format:"nonblank"`
	GRPCEndpoint           string               `toml:"grpc_endpoint" required:"true" format:"early-endpoint 0.0.107:endpoint"`
	TLSCACertPath          string               `toml:"tls_ca_cert_path" since:"0.0.107" format:"ca-file"`
	Audience               string               `toml:"audience" since:"0.0.107"`
	AllowInsecureTransport bool                 `toml:"allow_insecure_transport" since:"0.0.107"`
	Order                  int32                `toml:"order"`
	FailurePolicy          string               `toml:"failure_policy" enum:"fail_closed,fail_open"`
	Timeout                string               `toml:"timeout" format:"timeout"`
	MaxResponseBytes       uint64               `toml:"max_response_bytes"`
	MaxPatches             uint64               `toml:"max_patches"`
	BindingPolicy          string               `toml:"binding_policy" enum:"dynamic,allowlist,exact"`
	Bindings               []interceptorBinding `toml:"bindings"`
}

type interceptorBinding struct {
	ID            string   `toml:"id"`
	RPC           string   `toml:"rpc"` // service/method, or else the next two
	Service       string   `toml:"service"`
	Method        string   `toml:"method"`
	Phases        []string `toml:"phases" enum:"modify_operation,validate,post_commit"`
	Disabled      bool     `toml:"disabled"`
	FailurePolicy string   `toml:"failure_policy" enum:"fail_closed,fail_open"`
}

// profileSource has other keys than its type only if its type is interceptor; otherwise they are ignored.
type profileSource struct {
	Type string `toml:"type" required:"true" enum:"builtin,user,interceptor"`
	Name string `toml:"name" format:"nonblank"`
}

type supervisorConfig struct {
	Middleware []middlewareConfig `toml:"middleware"`
}

type middlewareConfig struct {
	Name                   string `toml:"name" required:"true" format:"middleware-name"`
	GRPCEndpoint           string `toml:"grpc_endpoint" required:"true" format:"http-endpoint"`
	Timeout                string `toml:"timeout" format:"middleware-timeout"`
	MaxBodyBytes           uint64 `toml:"max_body_bytes" range:"1-4194304"`
	MaxPayloadBytes        uint64 `toml:"max_payload_bytes" since:"0.0.107" range:"1-4194304"` // another name of it; one of the two is required
	TLSCACertPath          string `toml:"tls_ca_cert_path" since:"0.0.107" format:"ca-file"`
	Audience               string `toml:"audience" since:"0.0.107"`
	AllowInsecureTransport bool   `toml:"allow_insecure_transport" since:"0.0.107"`
}

// credentialDriverConfigs are the tables openshell.credential_drivers. A gateway reads only that of the driver that it runs.
type credentialDriverConfigs struct {
	Vault vaultConfig `toml:"vault"`
	// Any stands for drivers of any name with transport = "uds", which runs outside the gateway. Its other keys are ignored.
	Any externalDriverConfig `toml:"NAME"`
}

type vaultConfig struct {
	Transport               string `toml:"transport" enum:"in_tree,uds" trim:"true"`
	SocketPath              string `toml:"socket_path" format:"nonblank"` // ignored
	Address                 string `toml:"address" required:"true" format:"vault-address"`
	Mount                   string `toml:"mount" format:"vault-path"`
	KVVersion               string `toml:"kv_version" enum:"1,2"`
	AuthMethod              string `toml:"auth_method" enum:"kubernetes,token_file" trim:"true"`
	Role                    string `toml:"role" format:"trimmed"`
	KubernetesAuthMount     string `toml:"kubernetes_auth_mount" format:"vault-path"`
	ServiceAccountTokenPath string `toml:"service_account_token_path"`
	TokenPath               string `toml:"token_path"`
	TimeoutSecs             uint64 `toml:"timeout_secs" range:"1-"`
	StartupTimeoutSecs      uint64 `toml:"startup_timeout_secs" refused:"command"`
}

type externalDriverConfig struct {
	Transport          string `toml:"transport" required:"true" enum:"uds" trim:"true"`
	SocketPath         string `toml:"socket_path" required:"true" format:"socket"`
	StartupTimeoutSecs uint64 `toml:"startup_timeout_secs" refused:"command"`
}

// driverConfigs are the tables openshell.drivers. A gateway on Kubernetes reads one of them.
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
	AppArmorProfile             string           `toml:"app_armor_profile" format:"app-armor"`
	WorkspaceDefaultStorageSize string           `toml:"workspace_default_storage_size"`
	DefaultRuntimeClassName     string           `toml:"default_runtime_class_name"`
	SATokenTTLSecs              int64            `toml:"sa_token_ttl_secs"`
	SPIFFEWorkloadAPISocketPath string           `toml:"provider_spiffe_workload_api_socket_path" format:"spiffe-socket"`
	SandboxUID                  uint32           `toml:"sandbox_uid" since:"0.0.76" range:"1000-2000000000 0.0.110:1-4294967294"`
	SandboxGID                  uint32           `toml:"sandbox_gid" since:"0.0.76" range:"1000-2000000000 0.0.110:1-4294967294"`
	SupervisorTopology          string           `toml:"supervisor_topology" since:"0.0.74" until:"0.0.81" enum:"combined"`
	Topology                    string           `toml:"topology" since:"0.0.82" enum:"combined,sidecar"`
	Sidecar                     sidecarConfig    `toml:"sidecar" since:"0.0.82"`
	WorkspaceStorageClass       string           `toml:"workspace_storage_class" since:"0.0.94"`
	HTTPSProxy                  string           `toml:"https_proxy" since:"0.0.107" format:"proxy"`
	NoProxy                     string           `toml:"no_proxy" since:"0.0.107" format:"nonblank"`
	ProxyAuthSecretName         string           `toml:"proxy_auth_secret_name" since:"0.0.107" format:"secret-name"`
	ProxyAuthSecretKey          string           `toml:"proxy_auth_secret_key" since:"0.0.107" format:"secret-key"`
	ProxyAuthAllowInsecure      bool             `toml:"proxy_auth_allow_insecure" since:"0.0.107"`
	ProxyConnectByHostname      bool             `toml:"proxy_connect_by_hostname" since:"0.0.107"`
	WorkspaceMode               string           `toml:"workspace_mode" since:"0.0.107" enum:"shared" note:"in other modes the gateway would need rights in other namespaces"`
	OperatorNamespaceLabel      string           `toml:"operator_namespace_label" since:"0.0.107" refused:"workspace-mode"`
	OperatorNamespaceFile       string           `toml:"operator_namespace_file" since:"0.0.107" refused:"workspace-mode"`
	GatewayID                   string           `toml:"gateway_id" since:"0.0.107"`
	ManagedSSHIngress           managedSSHConfig `toml:"managed_ssh_ingress" since:"0.0.107"`
}

type sidecarConfig struct {
	ProxyUID                        uint32 `toml:"proxy_uid" range:"1000-4294967295 0.0.110:1000-4294967294"`
	ProcessBinaryAwareNetworkPolicy bool   `toml:"process_binary_aware_network_policy"`
}

type managedSSHConfig struct {
	Enabled            bool              `toml:"enabled"`
	GatewayNamespace   string            `toml:"gateway_namespace"`
	GatewayPodSelector map[string]string `toml:"gateway_pod_selector"`
}
