package manifests

import (
	"strings"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests/release"
)

// BuiltinImage is the gateway image of tenants that name none, unless the platform sets another.
const BuiltinImage = "ghcr.io/nvidia/openshell/gateway:0.0.111"

// defaultImageField stands in messages for the field that the image of a tenant comes from, if the tenant names none.
const defaultImageField = "the default gateway image"

// DefaultImage returns the gateway image of tenants that name none.
func (p Platform) DefaultImage() string { return p.gatewayImage }

// For returns the platform as it applies to a tenant and its volume. A tenant that names neither an image nor a version never crosses
// a step that needs a confirmation: if the platform's default image lies beyond one, the default becomes the newest supported release
// that can use the volume, from the same repository. A claim counts until it is gone, also while it is being deleted.
func (p Platform) For(gt *v1alpha1.GatewayTenant, volume Volume) Platform {
	if gt.Spec.Image == "" && gt.Spec.Version == "" && volume.Claim != nil {
		p.gatewayImage = volume.compatibleImage(p.gatewayImage)
	}
	return p
}

// compatibleImage returns an image whose gateway can use the volume: the given one or, if a step lies between its release and the highest
// one on the volume, that of the newest supported release without such a step. The tag keeps what it has before and after the version.
// The result is the given image if its tag or the volume does not tell the release, or if no supported release can use the volume.
func (volume Volume) compatibleImage(image string) string {
	tagged, version, ok := taggedVersion(image)
	if !ok {
		return image
	}
	last, ok := volume.last(tagged.String(), version)
	if !ok || len(release.StepsBetween(last, version)) == 0 {
		return image
	}
	compatible, ok := release.NewestCompatible(last)
	if !ok {
		return image
	}
	return tagged.Name() + ":" + strings.Replace(tagged.Tag(), version.String(), compatible.String(), 1)
}
