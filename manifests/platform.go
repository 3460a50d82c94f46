package manifests

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests/message"
	"github.com/ambient-code/gatewaytenant-operator/manifests/release"
)

// Platform is what the platform sets for all tenants. Make one with [NewPlatform].
type Platform struct {
	gatewayImage        string
	certgenImage        string
	certgenArgs         []string
	allowedRepositories []string
	assignsIDs          bool
	telemetry           v1alpha1.Telemetry
	appArmorProfile     string
	namespace           string // of the operator
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

// AssigningIDs returns the platform on a cluster that assigns uids and groups to each namespace and rejects pods with others, such
// as OpenShift.
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
	return fmt.Errorf("key %s of ConfigMap gatewaytenant-platform: %q is not allowed; set %s or an empty value", key, message.TruncateMiddle(value), strings.Join(allowed, ", "))
}
