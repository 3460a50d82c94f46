package manifests

import "github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"

// Names of the objects in a tenant's namespace. Other programs find the gateway by them, and gateways that were there
// before the operator have them: they cannot change.
const (
	// GatewayName is the name of the StatefulSet, the Service and the gateway's ServiceAccount.
	GatewayName = v1alpha1.Name
	// ConfigName is the name of the ConfigMap that holds ConfigKey.
	ConfigName = "openshell-gateway-config"
	// ConfigKey is the file name of the gateway's configuration. It is also the key of the text in the ConfigMap, unless the pod mounts
	// that key by itself.
	ConfigKey = "gateway.toml"
	// CertgenName is the name of the Job that makes the Secrets, and of its ServiceAccount and RoleBinding.
	CertgenName = "openshell-gateway-certgen"
	// PreflightName is the name of the Job that checks gateway.toml, and of its ServiceAccount and NetworkPolicy.
	PreflightName = "openshell-gateway-preflight"
	// SandboxName is the name of the sandboxes' ServiceAccount, and of the RoleBinding that lets the gateway run them.
	SandboxName = "openshell-gateway-sandbox"
	// SandboxV2Name is the RoleBinding that lets a gateway run sandboxes whose pods it creates itself.
	SandboxV2Name = "openshell-gateway-sandbox-v2"

	// SandboxSSHName and SandboxSSHLabelName are the NetworkPolicies that keep strangers from the sandboxes, for each
	// of the two labels by which a sandbox's pod may be known.
	SandboxSSHName      = "openshell-gateway-sandbox-ssh"
	SandboxSSHLabelName = "openshell-gateway-sandbox-ssh-label"

	// ClientsName is the NetworkPolicy that admits the clients that the tenant names. It exists only if spec.network sets a list
	// of clients, which may be empty.
	ClientsName = "openshell-gateway-clients"

	// ServerTLSName is the Secret with the gateway's certificate.
	ServerTLSName = "openshell-server-tls"
	// ClientTLSName is the Secret with the certificate of the gateway's clients, sandboxes included.
	ClientTLSName = "openshell-client-tls"
	// TokenKeysName is the Secret with the keys of the sandboxes' tokens.
	TokenKeysName = "openshell-gateway-jwt-keys"
	// CAName is the Secret with the tenant's certificate authority and its key. No pod but certgen's uses it.
	CAName = "openshell-gateway-ca"

	// NodeReaderName is the name of the ClusterRole with the cluster-wide rights of a gateway.
	NodeReaderName = "gatewaytenant-node-reader"
	// NodeReaderPrefix comes before the namespace in the name of a tenant's ClusterRoleBinding.
	NodeReaderPrefix = NodeReaderName + ":"
)

// PodName is the name of the gateway's pod, the only one of its StatefulSet.
const PodName = GatewayName + "-0"

// ClaimName is the name of the claim of the gateway's volume: the one that the StatefulSet looks for.
const ClaimName = "openshell-data-" + PodName

// SecretNames are the Secrets that the certgen Job makes.
var SecretNames = [...]string{CAName, ServerTLSName, ClientTLSName, TokenKeysName}

const (
	// Manager is the value of LabelManagedBy on all that the operator makes, and its field owner.
	Manager = "gatewaytenant-operator"
	// BridgeManager is the field owner of what the bridge applies.
	BridgeManager = "gatewaytenant-operator-bridge"
	// LabelManagedBy names who looks after an object.
	LabelManagedBy = "app.kubernetes.io/managed-by"
	// LabelName is OpenShell's own label: an object that bears it with the value AppName belongs to a gateway.
	LabelName = "app.kubernetes.io/name"
	// AppName is the value of LabelName on a gateway's objects.
	AppName = "openshell"
)

// Labels are on every object of a tenant.
func Labels() map[string]string {
	return map[string]string{
		LabelName:                     AppName,
		"app.kubernetes.io/instance":  GatewayName,
		"app.kubernetes.io/component": "gateway",
		LabelManagedBy:                Manager,
	}
}

const (
	// AnnotationWish is on the certgen and preflight Jobs: the hash of what it was asked to do. A Job cannot be changed, so another
	// wish needs another Job.
	AnnotationWish = "openshell.ambient-code.io/wish"
	// annotationHighestVersion is on the volume claim, and stays there when the tenant goes: the highest version of a
	// gateway that may have used the volume.
	annotationHighestVersion = "openshell.ambient-code.io/highest-version"
	// annotationKeyPath is on the volume claim, and stays there when the tenant goes: where on the volume the gateway keeps
	// its key-encryption key. It is not there if the operator never had to decide that.
	annotationKeyPath = "openshell.ambient-code.io/key-encryption-key-path"
	// annotationGatewayID and annotationSideloadMethod are on the volume claim, and stay there when the tenant goes: the
	// values that the gateway keeps; see keptValues.
	annotationGatewayID      = "openshell.ambient-code.io/gateway-id"
	annotationSideloadMethod = "openshell.ambient-code.io/supervisor-sideload-method"
	// annotationAsked is on the StatefulSet: the hash of what the tenant asked for, as far as it restarts the pod.
	annotationAsked = "openshell.ambient-code.io/asked-hash"
	// annotationRollout is on a StatefulSet that was changed last for another cause.
	annotationRollout = "openshell.ambient-code.io/rollout"
	// AnnotationConfigHash is on the pod template: the hash of gateway.toml. Beside it, the token key and the image, nothing
	// restarts a pod.
	AnnotationConfigHash = "openshell.ambient-code.io/config-hash"
	// AnnotationConfigKey is on the pod template: the key of the ConfigMap that the pod mounts as gateway.toml. It is absent if the pod
	// mounts the whole ConfigMap.
	AnnotationConfigKey = "openshell.ambient-code.io/config-key"
	// AnnotationTokenKey is on the pod template: the id of the token key.
	AnnotationTokenKey = "openshell.ambient-code.io/token-key"
)

// ObjectAnnotations are the annotations of a gateway's objects that the operator reads. Its caches drop all others.
var ObjectAnnotations = []string{
	AnnotationWish, annotationHighestVersion, annotationKeyPath, annotationGatewayID, annotationSideloadMethod, annotationAsked, annotationRollout,
}

// TenantAnnotations are the annotations of a GatewayTenant that the operator reads.
var TenantAnnotations = []string{
	v1alpha1.AnnotationSource, v1alpha1.AnnotationHandOver, v1alpha1.AnnotationConfirmVersion, v1alpha1.AnnotationConfirmPreflight,
	v1alpha1.AnnotationRotateTLS, v1alpha1.AnnotationRotateCA, v1alpha1.AnnotationRotateTokens,
}
