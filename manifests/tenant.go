package manifests

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests/gatewaytoml"
	"github.com/ambient-code/gatewaytenant-operator/manifests/release"
)

// Tenant is a GatewayTenant whose spec is valid, with all its defaults. [NewTenant] returns it.
type Tenant struct {
	// Namespace is the tenant's namespace.
	Namespace string
	// Image is the full reference of the gateway's image, as the pod gets it.
	Image string
	// Version is the gateway's version.
	Version release.Version
	// ServerNames are the names that the gateway's certificate must carry, sorted; [AlsoServed] are beside them.
	ServerNames []string
	// Rotation has the requested rotations.
	Rotation Rotation
	// External are the Secrets that another issuer or a user writes.
	External []string
	// UID is that of the GatewayTenant, which owns all objects of the tenant.
	UID types.UID

	platform           Platform
	imageField         string // where the image comes from
	pullPolicy         corev1.PullPolicy
	asked              string // the hash of what in the spec restarts the pod
	release            release.Contract
	confirmed          release.Version // that may migrate the database irreversibly
	confirmedPreflight string          // the hash of the preflight whose failure is confirmed
	storage            v1alpha1.Storage
	network            v1alpha1.Network
	sandboxTokens      bool
	telemetry          v1alpha1.Telemetry // empty if the gateway's own default applies
	config             gatewaytoml.File
}

// Release returns the contract of the release that the gateway runs.
func (t Tenant) Release() release.Contract { return t.release }

// UnusedTables returns the tables of spec.config that are left out of gateway.toml because they configure drivers that the
// gateway does not run, sorted, as they can be shown to users.
func (t Tenant) UnusedTables() []string { return t.config.UnusedTables }

// OpenDefault reports whether every client that has the client certificate and sends no token is an administrator of the
// gateway, as by default.
func (t Tenant) OpenDefault() bool { return t.config.OpenDefault }

// Experimental returns what is not known of the gateway's release, if the platform allows it although the operator does not support it.
// It is empty if the operator supports the release.
func (t Tenant) Experimental() string { return t.release.Unsupported }

// IssuesSandboxTokens reports whether the gateway issues tokens to sandboxes. Without one, a sandbox cannot authenticate.
func (t Tenant) IssuesSandboxTokens() bool { return t.sandboxTokens }

// Endpoint returns the gateway's URL within the cluster.
func (t Tenant) Endpoint() string {
	names := serviceNames(t.Namespace)
	return fmt.Sprintf("https://%s:8080", names[len(names)-1])
}
