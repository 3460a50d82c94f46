package manifests

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests/message"
	"github.com/ambient-code/gatewaytenant-operator/manifests/release"
)

// Settings are the settings of the ConfigMap gatewaytenant-platform that apply to the gateways of all tenants.
type Settings struct {
	// Telemetry is Enabled or Disabled. It applies to tenants that do not set spec.telemetry. If it is empty, the gateway's own default
	// applies.
	Telemetry string
	// SandboxAppArmorProfile is Unconfined. It applies to tenants whose spec.config does not set a profile. If it is empty, the gateway's
	// own default applies.
	SandboxAppArmorProfile string
	// Preflight is Enabled or Disabled. If it is empty, preflights are enabled.
	Preflight string
	// ExperimentalVersions are releases that the operator does not support and renders nevertheless, such as 0.1.6.
	ExperimentalVersions []string
}

// appArmorUnconfined is the AppArmor profile with which the container runtime does not restrict sandboxes. The runtime's
// default profile can keep the supervisor of a sandbox from starting.
const appArmorUnconfined = "Unconfined"

const preflightEnabled, preflightDisabled = "Enabled", "Disabled"

// WithSettings returns the platform with settings. The error names the key that is invalid.
func (p Platform) WithSettings(s Settings) (Platform, error) {
	if err := checkSetting("telemetry", s.Telemetry, string(v1alpha1.TelemetryEnabled), string(v1alpha1.TelemetryDisabled)); err != nil {
		return Platform{}, err
	}
	if err := checkSetting("sandboxAppArmorProfile", s.SandboxAppArmorProfile, appArmorUnconfined); err != nil {
		return Platform{}, err
	}
	if err := checkSetting("preflight", s.Preflight, preflightEnabled, preflightDisabled); err != nil {
		return Platform{}, err
	}
	p.telemetry, p.appArmorProfile, p.skipsPreflight = v1alpha1.Telemetry(s.Telemetry), s.SandboxAppArmorProfile, s.Preflight == preflightDisabled
	p.experimental = nil
	for _, text := range s.ExperimentalVersions {
		version, is := release.Parse(text)
		if !is || version.String() != text || version.Less(release.OldestSupported()) {
			return Platform{}, fmt.Errorf("key experimentalVersions of ConfigMap gatewaytenant-platform: %q is not a version from %s on; give three numbers, such as 0.1.6", message.TruncateMiddle(text), release.OldestSupported())
		}
		p.experimental = append(p.experimental, version)
	}
	return p, nil
}

// checkSetting rejects a value that is not allowed for a key of the ConfigMap gatewaytenant-platform.
func checkSetting(key, value string, allowed ...string) error {
	if value == "" || slices.Contains(allowed, value) {
		return nil
	}
	return fmt.Errorf("key %s of ConfigMap gatewaytenant-platform: %q is not allowed; set %s or an empty value", key, message.TruncateMiddle(value), strings.Join(allowed, ", "))
}
