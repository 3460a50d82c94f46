package manifests

import (
	"fmt"

	"github.com/distribution/reference"
	corev1 "k8s.io/api/core/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests/release"
)

// firstMigrations is the first version whose migrations all later versions have, too. The database of an older version has other
// migrations, and no later gateway starts on it.
var firstMigrations = release.New(0, 0, 37)

// Volume is what there is of a tenant's volume, and of the gateway on it.
type Volume struct {
	// Claim is the live volume claim, nil if there is none.
	Claim *corev1.PersistentVolumeClaim
	// Image is that of the StatefulSet, empty if there is none.
	Image string
	// ConfigHash is the hash of gateway.toml in the StatefulSet's pod template, empty if there is none.
	ConfigHash string
	// FileKey is the key of the ConfigMap that the StatefulSet's pod template mounts, empty if there is no StatefulSet. PodFileKey is
	// that of the pod, empty if there is none.
	FileKey, PodFileKey string
	// FileKeys are the keys of the ConfigMap that contain a gateway.toml, sorted.
	FileKeys []string
	// Files are their texts. It is nil if these were not read, which is only necessary if NeedsFiles.
	Files map[string]string
	// OwnFiles are the keys of the texts that the operator applied and no other client has changed since.
	OwnFiles []string
	// TokenKeys reports whether the keys exist that sign the tokens of sandboxes.
	TokenKeys bool
	// Serves reports whether a pod of the StatefulSet's present template is ready.
	Serves bool
	// TerminationMessage is the whole message with which the gateway's container ended last, empty if it did not or is ready.
	TerminationMessage string
}

// CheckDowngrade rejects a version that would migrate the volume's database irreversibly, or not start on it, unless an annotation
// of the GatewayTenant confirms the version. One confirmation is not enough for an upgrade across several steps. The error is a
// [*RejectedError].
func (t Tenant) CheckDowngrade(volume Volume) error {
	if volume.Claim == nil {
		return nil
	}
	goOn := fmt.Sprintf("to go on, run: kubectl annotate --overwrite gwt %s -n %s %s=%s", v1alpha1.Name, t.Namespace, v1alpha1.AnnotationConfirmVersion, t.Version)
	last, known := t.lastOn(volume)
	steps := release.StepsBetween(last, t.Version)
	if next, staged := stopBefore(last, t.Version); known && staged {
		return reject(v1alpha1.ReasonVersionHeld, t.imageField, t.Image, "is held: from %s to %s, the data of the gateway changes for good at %s and again at %s, and each of these steps is made and confirmed by itself; set an image of %s first and confirm that version; when the gateway is Ready with it, set the image of %[2]s again",
			last, t.Version, steps[0].At, steps[1].At, next)
	}
	if t.confirmed == t.Version {
		return nil
	}
	switch {
	case !known:
		return reject(v1alpha1.ReasonVersionHeld, t.imageField, t.Image, "is held: nothing tells which version last used the claim %s, and %s; %s", volume.Claim.Name, release.StepsText(), goOn)
	case len(steps) > 0 && last.Less(t.Version):
		return reject(v1alpha1.ReasonVersionHeld, t.imageField, t.Image, "is held: from %s to %s %s; there is no way back but to restore that backup, since gateways before %s do not start on the migrated database; %s", last, t.Version, release.CostText(steps), steps[len(steps)-1].At, goOn)
	case len(steps) > 0:
		return reject(v1alpha1.ReasonVersionHeld, t.imageField, t.Image, "is held: %s does not start on a database that %s has used, so all that is on the volume would be out of reach; use %s or later, or restore a backup of the volume from before the upgrade; %s", t.Version, last, steps[len(steps)-1].At, goOn)
	case last.Less(firstMigrations):
		return reject(v1alpha1.ReasonVersionHeld, t.imageField, t.Image, "is held: %s does not start on a database that %s has used, so all that is on the volume would be out of reach; bring back a volume of %s or later, or a new one; %s", t.Version, last, firstMigrations, goOn)
	case t.Version.Less(last) && release.Of(last).Unsupported != "":
		return reject(v1alpha1.ReasonVersionHeld, t.imageField, t.Image, "is held: %s was the last to use the volume, and this operator does not know whether %s starts on its database; back up the volume first; %s", last, t.Version, goOn)
	}
	return nil
}

// stopBefore returns the release to which an upgrade has to go first because it would cross several steps at the same time. The second
// result reports whether there is one.
func stopBefore(from, to release.Version) (release.Version, bool) {
	steps := release.StepsBetween(from, to)
	if len(steps) < 2 || to.Less(from) {
		return release.Version{}, false
	}
	return release.NewestCompatible(steps[0].At)
}

// lastOn returns the highest version that is known to have used the volume.
func (t Tenant) lastOn(volume Volume) (release.Version, bool) { return volume.last(t.Image, t.Version) }

// last returns the highest version that is known to have used a volume whose claim exists: the version that the claim records or, if
// the claim existed before the operator, the version of the gateway that runs on it. The tag of an image may not name its version, so
// the version of one image is given.
func (volume Volume) last(image string, version release.Version) (release.Version, bool) {
	if recorded, ok := release.Parse(volume.Claim.Annotations[annotationHighestVersion]); ok {
		return recorded, true
	}
	if volume.Image == image {
		return version, true
	}
	_, running, known := taggedVersion(volume.Image)
	return running, known
}

// taggedVersion returns an image and the version in its tag. The last result reports whether the tag has one.
func taggedVersion(image string) (reference.NamedTagged, release.Version, bool) {
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return nil, release.Version{}, false
	}
	tagged, is := named.(reference.NamedTagged)
	if !is {
		return nil, release.Version{}, false
	}
	version, has := release.Parse(tagged.Tag())
	return tagged, version, has
}

// RunningRelease returns the contract of the release that runs on a volume or, if the image of its gateway does not tell that, of the
// highest one that the claim records. The second result reports whether one of them is known.
func RunningRelease(volume Volume) (release.Contract, bool) {
	_, version, known := taggedVersion(volume.Image)
	if !known && volume.Claim != nil {
		version, known = release.Parse(volume.Claim.Annotations[annotationHighestVersion])
	}
	return release.Of(version), known
}

// highest is the version that a claim shall bear: it must be there before the gateway runs that could use the volume.
// What was confirmed begins anew. While a gateway waits for its turn, it is the version of the one that runs: should
// somebody delete its StatefulSet meanwhile, nothing else would tell.
func (t Tenant) highest(volume Volume, held bool) release.Version {
	if volume.Claim == nil {
		return t.Version
	}
	last, known := t.lastOn(volume)
	if known && !held && t.Version.Less(last) && release.Of(last).Unsupported != "" { // confirmed, or CheckDowngrade would have rejected it
		return t.Version
	}
	if known && held || known && t.Version.Less(last) && len(release.StepsBetween(t.Version, last)) == 0 {
		return last
	}
	return t.Version
}
