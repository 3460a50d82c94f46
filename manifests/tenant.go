package manifests

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests/message"
	"github.com/ambient-code/gatewaytenant-operator/manifests/release"
)

// BuiltinImage is the gateway image of tenants that name none, unless the platform sets another.
const BuiltinImage = "ghcr.io/nvidia/openshell/gateway:0.0.71"

// defaultImageField stands in messages for the field that the image of a tenant comes from, if the tenant names none.
const defaultImageField = "the default gateway image"

// Platform is what the platform sets for all tenants. Make one with [NewPlatform].
type Platform struct {
	gatewayImage        string
	certgenImage        string
	certgenArgs         []string
	allowedRepositories []string
	assignsIDs          bool
	telemetry           v1alpha1.Telemetry
	appArmorProfile     string
}

// NewPlatform checks the platform's own settings: the image of gateways that name none (empty: [BuiltinImage]), the
// image that certgen is in, the repositories from which gateway images may come, and the arguments that certgen gets
// for every tenant.
func NewPlatform(gatewayImage, certgenImage string, allowedRepositories []string, certgenArgs ...string) (Platform, error) {
	if gatewayImage == "" {
		gatewayImage = BuiltinImage
	}
	if certgenImage == "" {
		return Platform{}, fmt.Errorf("the certgen image is not set; it is the operator's own image")
	}
	allowed, err := checkRepositories(allowedRepositories)
	if err != nil {
		return Platform{}, err
	}
	img, err := parseImage(defaultImageField, gatewayImage, allowed)
	if err != nil {
		return Platform{}, err
	}
	if version, hasVersion := release.Parse(img.tag); hasVersion {
		if _, err := supported(version, defaultImageField, gatewayImage); err != nil {
			return Platform{}, err
		}
	}
	return Platform{gatewayImage: gatewayImage, certgenImage: certgenImage, certgenArgs: certgenArgs, allowedRepositories: allowed}, nil
}

// AssigningIDs is the platform on a cluster that gives the pods of each namespace uids and groups of its own, and refuses
// others: OpenShift.
func (p Platform) AssigningIDs() Platform {
	p.assignsIDs = true
	return p
}

// WithSandboxSettings returns the platform with what the ConfigMap gatewaytenant-platform sets for the sandboxes of tenants that
// do not set it themselves: whether they send telemetry, and their AppArmor profile. If a value is empty, the gateway's own
// default applies.
func (p Platform) WithSandboxSettings(telemetry, appArmorProfile string) (Platform, error) {
	if err := checkSetting("telemetry", telemetry, string(v1alpha1.TelemetryEnabled), string(v1alpha1.TelemetryDisabled)); err != nil {
		return Platform{}, err
	}
	if err := checkSetting("sandboxAppArmorProfile", appArmorProfile, appArmorUnconfined); err != nil {
		return Platform{}, err
	}
	p.telemetry, p.appArmorProfile = v1alpha1.Telemetry(telemetry), appArmorProfile
	return p, nil
}

// appArmorUnconfined is the AppArmor profile with which the container runtime does not restrict sandboxes. The runtime's
// default profile can keep the supervisor of a sandbox from starting.
const appArmorUnconfined = "Unconfined"

// checkSetting rejects a value that is not allowed for a key of the ConfigMap gatewaytenant-platform.
func checkSetting(key, value string, allowed ...string) error {
	if value == "" || slices.Contains(allowed, value) {
		return nil
	}
	return fmt.Errorf("key %s of ConfigMap gatewaytenant-platform: %q is not allowed; set %s or an empty value", key, message.Truncate(value), strings.Join(allowed, ", "))
}

// Tenant is a GatewayTenant whose spec is valid, with all its defaults filled in.
type Tenant struct {
	// Namespace is the tenant's namespace.
	Namespace string
	// Image is the full reference of the gateway's image, as the pod gets it.
	Image string
	// Version is the gateway's version.
	Version release.Version
	// ServerNames are the names that the gateway's certificate must carry, sorted; [AlsoServed] are beside them.
	ServerNames []string
	// Rotation is what is to be made anew.
	Rotation Rotation
	// UID is the GatewayTenant's: all that the tenant is made of belongs to it.
	UID types.UID

	platform      Platform
	imageField    string // where the image comes from
	pullPolicy    corev1.PullPolicy
	asked         string          // the hash of what in the spec restarts the pod
	confirmed     release.Version // whatever it may cost
	storage       v1alpha1.Storage
	network       v1alpha1.Network
	sandboxTokens bool
	openDefault   bool
	telemetry     v1alpha1.Telemetry // empty if the gateway's own default applies
	gatewayTOML   []byte
	unusedTables  []string
	// defaultKeyPath reports whether the gateway needs a key-encryption key and spec.config leaves its path to the operator.
	// gatewayTOML then has that of a new volume; configText has that of another.
	defaultKeyPath bool
	sideloadMethod string // that spec.config sets, empty if it sets none
	setsGatewayID  bool   // in spec.config; NewTenant accepts only that of a new gateway
	audiences      []string
}

// NewTenant checks a GatewayTenant. Every error is a [*RejectedError].
func NewTenant(gt *v1alpha1.GatewayTenant, platform Platform) (Tenant, error) {
	ref, field := gt.Spec.Image, "spec.image"
	if ref == "" {
		ref, field = platform.gatewayImage, defaultImageField
	}
	img, err := parseImage(field, ref, platform.allowedRepositories)
	if err != nil {
		return Tenant{}, err
	}
	version, err := effectiveVersion(img, field, gt.Spec.Version)
	if err != nil {
		return Tenant{}, err
	}
	names, err := serverNames(gt.Namespace, gt.Spec.ServerDNSNames)
	if err != nil {
		return Tenant{}, err
	}
	if err := checkNetwork(gt.Spec.Network); err != nil {
		return Tenant{}, err
	}
	rotation, err := rotationOf(gt)
	if err != nil {
		return Tenant{}, err
	}
	t := Tenant{
		Namespace:     gt.Namespace,
		Image:         img.ref,
		Version:       version,
		ServerNames:   names,
		Rotation:      rotation,
		UID:           gt.UID,
		platform:      platform,
		imageField:    field,
		pullPolicy:    img.pullPolicy(),
		storage:       gt.Spec.Storage,
		network:       gt.Spec.Network,
		sandboxTokens: hasTokens(gt),
		telemetry:     cmp.Or(gt.Spec.Telemetry, platform.telemetry),
	}
	asked := []string{gt.Spec.Image, gt.Spec.Version, gt.Spec.Config, string(gt.Spec.SandboxTokens)}
	if gt.Spec.Telemetry != "" { // otherwise the hash stays what it was before this field existed
		asked = append(asked, "telemetry="+string(gt.Spec.Telemetry))
	}
	t.asked = hash(append(asked, wildcards(names)...)) // the other names restart nothing
	t.confirmed, _ = release.Parse(gt.Annotations[v1alpha1.AnnotationConfirmVersion])
	if err := t.configure(gt.Spec.Config); err != nil {
		return Tenant{}, err
	}
	return t, nil
}

// Remaining is what goes on of a tenant whose spec is rejected: enough to keep its certificates alive, and to warn of what it
// may. Its server names are for the caller to set, as those that are served.
func Remaining(gt *v1alpha1.GatewayTenant, platform Platform) Tenant {
	return Tenant{Namespace: gt.Namespace, UID: gt.UID, platform: platform, sandboxTokens: hasTokens(gt)}
}

func hasTokens(gt *v1alpha1.GatewayTenant) bool {
	return gt.Spec.SandboxTokens != v1alpha1.SandboxTokensDisabled
}

// UnusedTables returns the tables of spec.config that are left out of gateway.toml because they configure drivers that the
// gateway does not run, sorted, as they can be shown to users.
func (t Tenant) UnusedTables() []string { return t.unusedTables }

// Endpoint is the gateway's URL within the cluster.
func (t Tenant) Endpoint() string {
	names := serviceNames(t.Namespace)
	return fmt.Sprintf("https://%s:8080", names[len(names)-1])
}

// RejectedError says why a spec is refused. Nothing of such a spec is applied.
type RejectedError struct {
	// Reason is a reason of the condition Accepted.
	Reason string
	// Field is the path of the field that is at fault.
	Field string
	// Message names the field, its value and the way out.
	Message string
}

// Error is the message.
func (e *RejectedError) Error() string { return e.Message }

// reject returns a RejectedError. It truncates a long value.
func reject(reason, field, value, format string, args ...any) *RejectedError {
	text := fmt.Sprintf(format, args...)
	if value != "" {
		text = fmt.Sprintf(": %q %s", message.Truncate(value), text)
	} else {
		text = " " + text
	}
	return &RejectedError{Reason: reason, Field: field, Message: field + text}
}
