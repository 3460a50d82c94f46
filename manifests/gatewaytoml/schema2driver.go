package gatewaytoml

// kubernetesDriverConfigV2 is the table openshell.drivers.kubernetes of schema version 2. A gateway does not start with another
// key in it. Up to 0.1.4, it has 36 keys.
type kubernetesDriverConfigV2 struct {
	Namespace                     string                  `toml:"namespace"`
	ServiceAccountName            string                  `toml:"service_account_name"`
	GRPCEndpoint                  string                  `toml:"grpc_endpoint"`
	ClientTLSSecretName           string                  `toml:"client_tls_secret_name"`
	GatewayID                     string                  `toml:"gateway_id"`
	DefaultImage                  string                  `toml:"default_image"`
	ImagePullPolicy               string                  `toml:"image_pull_policy" enum:"always,if_not_present,never"`
	ImagePullSecrets              []string                `toml:"image_pull_secrets"`
	SandboxRuntimeImage           string                  `toml:"sandbox_runtime_image"`
	SandboxRuntimeImagePullPolicy string                  `toml:"sandbox_runtime_image_pull_policy" enum:"always,if_not_present,never"`
	SupervisorImage               string                  `toml:"supervisor_image"`
	SupervisorImagePullPolicy     string                  `toml:"supervisor_image_pull_policy" enum:"always,if_not_present,never"`
	SandboxRuntime                sandboxRuntimeConfig    `toml:"sandbox_runtime"`
	SSHSocketPath                 string                  `toml:"ssh_socket_path"`
	HostGatewayIP                 string                  `toml:"host_gateway_ip"`
	EnableUserNamespaces          bool                    `toml:"enable_user_namespaces"`
	WorkspaceDefaultStorageSize   string                  `toml:"workspace_default_storage_size"`
	WorkspaceStorageClass         string                  `toml:"workspace_storage_class"`
	DefaultRuntimeClassName       string                  `toml:"default_runtime_class_name"`
	SATokenTTLSecs                int64                   `toml:"sa_token_ttl_secs"`
	SPIFFEWorkloadAPISocketPath   string                  `toml:"provider_spiffe_workload_api_socket_path" format:"spiffe-socket"`
	SandboxUID                    uint32                  `toml:"sandbox_uid" range:"1-4294967294"`
	SandboxGID                    uint32                  `toml:"sandbox_gid" range:"1-4294967294"`
	HTTPSProxy                    string                  `toml:"https_proxy" format:"any-proxy"`
	NoProxy                       string                  `toml:"no_proxy" format:"nonblank"`
	ProxyAuthSecretName           string                  `toml:"proxy_auth_secret_name" format:"secret-name"`
	ProxyAuthSecretKey            string                  `toml:"proxy_auth_secret_key" format:"secret-key"`
	ProxyAuthAllowInsecure        bool                    `toml:"proxy_auth_allow_insecure"`
	ProxyConnectByHostname        bool                    `toml:"proxy_connect_by_hostname"`
	ProxyCABundle                 string                  `toml:"proxy_ca_bundle" format:"ca-file"`
	AllowDriverConfig             bool                    `toml:"allow_driver_config" enum:"false" note:"callers could then choose volumes and scheduling for their sandboxes, and the gateway has no right to read the volumes that it would have to check"`
	ResourceAdmission             resourceAdmissionConfig `toml:"resource_admission"`
	AllowedPodAnnotations         []string                `toml:"allowed_pod_annotations" since:"0.1.5" format:"pod-key"`
	AllowedPodLabels              []string                `toml:"allowed_pod_labels" since:"0.1.5" format:"pod-key"`
	WorkspaceMode                 string                  `toml:"workspace_mode" enum:"shared" note:"in other modes the gateway would need rights in other namespaces"`
	OperatorNamespaceLabel        string                  `toml:"operator_namespace_label" refused:"workspace-mode"`
	OperatorNamespaceFile         string                  `toml:"operator_namespace_file" refused:"workspace-mode"`
	ManagedSSHIngress             managedSSHConfig        `toml:"managed_ssh_ingress"`
}

// sandboxRuntimeConfig has the port at which the pod of a sandbox listens for its supervisor.
type sandboxRuntimeConfig struct {
	BoundaryPort uint32 `toml:"boundary_port" enum:"5500" note:"the port is in the network policies that the gateway compares, and with another port it suspends the sandboxes that exist"`
}

// resourceAdmissionConfig has the labels that a PersistentVolumeClaim, RuntimeClass or PriorityClass needs before a sandbox may
// use it.
type resourceAdmissionConfig struct {
	Enabled        bool              `toml:"enabled" enum:"true" note:"sandboxes could otherwise use resources that the platform did not approve, such as the volume of the gateway itself"`
	RequiredLabels map[string]string `toml:"required_labels" refused:"admission-labels"`
}
