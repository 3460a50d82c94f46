package manifests

import (
	"fmt"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
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
	skipsPreflight      bool
	experimental        []release.Version
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
		if _, err := (Platform{}).supported(version, defaultImageField, gatewayImage); err != nil {
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
