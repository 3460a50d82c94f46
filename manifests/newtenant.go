package manifests

import (
	"cmp"
	"math"
	"slices"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests/gatewaytoml"
	"github.com/ambient-code/gatewaytenant-operator/manifests/message"
	"github.com/ambient-code/gatewaytenant-operator/manifests/release"
)

// NewTenant checks a GatewayTenant. The error is a [*RejectedError] that lists what is wrong, as far as it has room.
func NewTenant(gt *v1alpha1.GatewayTenant, platform Platform) (Tenant, error) {
	t, errs, more := evaluate(gt, platform, message.MaxListed)
	if err := rejections(errs, more); err != nil {
		return Tenant{}, err
	}
	return t, nil
}

// Check returns all that is wrong with a GatewayTenant. What depends on the gateway's version is not checked if the version is invalid.
func Check(gt *v1alpha1.GatewayTenant, platform Platform) []*RejectedError {
	_, errs, _ := evaluate(gt, platform, math.MaxInt)
	return errs
}

// evaluate returns a tenant and what is wrong with it. It returns at most limit errors about spec.config, and the number of the others.
func evaluate(gt *v1alpha1.GatewayTenant, platform Platform, limit int) (t Tenant, errs []*RejectedError, more int) {
	ref, field := gt.Spec.Image, "spec.image"
	if ref == "" {
		ref, field = platform.gatewayImage, defaultImageField
	}
	img, err := parseImage(field, ref, platform.allowedRepositories)
	errs = appendRejected(errs, err)
	isImage := err == nil
	version, err := platform.effectiveVersion(img, field, gt.Spec.Version)
	if isImage { // otherwise, the image must be corrected first
		errs = appendRejected(errs, err)
	}
	known := err == nil
	names, invalid := serverNames(gt.Namespace, gt.Spec.ServerDNSNames)
	errs = append(append(errs, invalid...), checkNetwork(gt.Spec.Network)...)
	rotation, invalid := rotationOf(gt)
	errs = append(errs, invalid...)
	t = Tenant{
		Namespace:     gt.Namespace,
		Image:         img.ref,
		Version:       version,
		ServerNames:   names,
		Rotation:      rotation,
		UID:           gt.UID,
		platform:      platform,
		imageField:    field,
		release:       release.Of(version),
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
	t.confirmedPreflight = gt.Annotations[v1alpha1.AnnotationConfirmPreflight]
	if known {
		config, err := gatewaytoml.New(t.configInput(gt.Spec.Config, img))
		if err != nil {
			invalid, more = rejectConfig(err, limit)
			errs = append(errs, invalid...)
		}
		t.config = config
	}
	return t, errs, more
}

// configInput returns what the tenant's gateway.toml depends on. The images that its sandboxes run may come from where imageMirror has
// them, too.
func (t Tenant) configInput(config string, gateway image) gatewaytoml.Input {
	allowed := slices.Clone(t.platform.allowedRepositories)
	mirrored := func(name string) string {
		repository := imageMirror(gateway, t.release, name, t.platform.allowedRepositories)
		if repository == "" {
			return ""
		}
		allowed = append(allowed, repository)
		if repository == t.release.Repository+"/"+name {
			return ""
		}
		return repository + ":" + t.Version.String()
	}
	supervisor, sandbox := mirrored("supervisor"), ""
	if t.release.SandboxImage {
		sandbox = mirrored("sandbox")
	}
	return gatewaytoml.Input{
		Text:                  config,
		Release:               t.release,
		Namespace:             t.Namespace,
		Endpoint:              t.Endpoint(),
		Wildcards:             wildcards(t.ServerNames),
		SandboxServiceAccount: SandboxName,
		ClientTLSSecret:       ClientTLSName,
		SandboxTokens:         t.sandboxTokens,
		AppArmorProfile:       t.platform.appArmorProfile,
		SupervisorImage:       supervisor,
		SandboxImage:          sandbox,
		CheckImage: func(image string) error {
			_, err := parseImage("", image, allowed)
			return err
		},
	}
}

// CertificateOnly returns what is maintained of a tenant whose spec is rejected: its certificates. The tenant has the fields that
// [RenderCertgen] needs, and no others. Its server names are those of the spec if all names in spec.serverDnsNames are valid, and
// otherwise only those of the gateway's Service. It requests no rotation.
func CertificateOnly(gt *v1alpha1.GatewayTenant, platform Platform) Tenant {
	names, invalid := serverNames(gt.Namespace, gt.Spec.ServerDNSNames)
	if len(invalid) > 0 {
		names, _ = serverNames(gt.Namespace, nil)
	}
	return Tenant{Namespace: gt.Namespace, UID: gt.UID, ServerNames: names, platform: platform, sandboxTokens: hasTokens(gt)}
}

// hasTokens reports whether a spec leaves the tokens of sandboxes enabled.
func hasTokens(gt *v1alpha1.GatewayTenant) bool {
	return gt.Spec.SandboxTokens != v1alpha1.SandboxTokensDisabled
}
