package manifests

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests/release"
)

// effectiveVersion returns the version in the image's tag or, if the tag has none, the given one. If there are both, they must
// agree: rules for the wrong version would accept a gateway.toml with which the gateway does not start. The operator must
// support the version. The image comes from the field.
func (p Platform) effectiveVersion(img image, field, given string) (release.Version, error) {
	const versionField = "spec.version"
	tagged, hasVersion := release.Parse(img.tag)
	if given == "" {
		if !hasVersion {
			return release.Version{}, reject(v1alpha1.ReasonVersionUnknown, versionField, given, "is needed: the image %s does not tell the gateway's version; set it, such as 0.0.71", img.ref)
		}
		return p.supported(tagged, field, img.ref)
	}
	version, ok := release.Parse(given)
	if !ok {
		return release.Version{}, reject(v1alpha1.ReasonVersionUnknown, versionField, given, "is not a version; give three numbers, such as 0.0.71")
	}
	if hasVersion && version != tagged {
		return release.Version{}, reject(v1alpha1.ReasonVersionUnknown, versionField, given, "contradicts the image's tag %s; leave it out, or correct one of them", img.tag)
	}
	if hasVersion {
		return p.supported(version, field, img.ref)
	}
	return p.supported(version, versionField, given)
}

// supported returns the version that the value of a field names, and rejects one that the operator does not support, unless the
// platform allows it as experimental.
func (p Platform) supported(version release.Version, field, value string) (release.Version, error) {
	why := release.Of(version).Unsupported
	if why == "" || slices.Contains(p.experimental, version) {
		return version, nil
	}
	wayOut := "use a release from " + release.SupportedText()
	if release.NewestSupported().Less(version) || release.OldestSupported().Less(version) && !release.IsKnown(version) {
		wayOut += fmt.Sprintf(", or upgrade the operator to a version that supports %s", version)
	}
	return release.Version{}, reject(v1alpha1.ReasonVersionUnsupported, field, value, "is release %s of the gateway, which this operator does not support: %s; %s", version, why, wayOut)
}

// RequestedRelease returns the contract of the release that a GatewayTenant requests, without a look at the rest of its spec. The second
// result is false if the image or the version is rejected.
func RequestedRelease(gt *v1alpha1.GatewayTenant, platform Platform) (release.Contract, bool) {
	img, err := parseImage("", cmp.Or(gt.Spec.Image, platform.gatewayImage), platform.allowedRepositories)
	if err != nil {
		return release.Contract{}, false
	}
	version, err := platform.effectiveVersion(img, "", gt.Spec.Version)
	return release.Of(version), err == nil
}
