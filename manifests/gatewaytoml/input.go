package gatewaytoml

import "github.com/ambient-code/gatewaytenant-operator/manifests/release"

// Input is what gateway.toml depends on.
type Input struct {
	// Text is the tenant's spec.config.
	Text string
	// Release is what is known of the gateway's release.
	Release release.Contract
	// Namespace is the tenant's namespace.
	Namespace string
	// Endpoint is the gateway's URL within the cluster.
	Endpoint string
	// Wildcards are the names with a wildcard in the gateway's certificate.
	Wildcards []string
	// SandboxServiceAccount is the name of the ServiceAccount of sandboxes.
	SandboxServiceAccount string
	// ClientTLSSecret is the name of the Secret with the certificate that sandboxes present to the gateway.
	ClientTLSSecret string
	// SandboxTokens reports whether the gateway issues tokens to sandboxes.
	SandboxTokens bool
	// AppArmorProfile is the default profile of sandboxes. It is empty if the gateway's own default applies.
	AppArmorProfile string
	// SupervisorImage is the default image of supervisors. It is empty if that of the gateway's release applies.
	SupervisorImage string
	// SandboxImage is the default image that the pods of sandboxes start from, for releases that need one. It is empty if that of the
	// gateway's release applies.
	SandboxImage string
	// CheckImage returns why the platform does not allow an image.
	CheckImage func(image string) error
}
