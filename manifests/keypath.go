package manifests

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests/gatewaytoml"
	"github.com/ambient-code/gatewaytenant-operator/manifests/message"
	"github.com/ambient-code/gatewaytenant-operator/manifests/release"
)

// CheckKeyPath rejects a gateway if the volume may hold a key and it is not known where: with another path the gateway
// would create a second key, and could not read the credentials that it has stored. The error is a [*RejectedError].
func (t Tenant) CheckKeyPath(volume Volume) error {
	if !t.config.DefaultKeyPath {
		return nil
	}
	if _, known := t.keyPath(volume); known {
		return nil
	}
	why := "the operator does not know whether the volume of claim " + ClaimName + " holds such a key at " + gatewaytoml.RootKeyPath
	if recorded, is := volume.Claim.Annotations[annotationKeyPath]; is {
		why = fmt.Sprintf("annotation %s of claim %s is %q, which is not one of the two possible paths", annotationKeyPath, ClaimName, message.TruncateMiddle(recorded))
	}
	confirm := func(path string) string {
		return fmt.Sprintf("kubectl annotate --overwrite pvc %s -n %s %s=%s", ClaimName, t.Namespace, annotationKeyPath, path)
	}
	return reject(v1alpha1.ReasonKeyPathUnknown, t.imageField, t.Image, "is held: gateways from %s on encrypt stored credentials with a key on their volume, and %s; with the wrong path the gateway creates a second key and cannot read the credentials that it stored before; "+
		"if a gateway has been ready on this volume with %[1]s or later, and so may have stored credentials under the old path, run: %[3]s; if no gateway has ever become ready on it with %[1]s or later, run: %[4]s", firstEncrypting, why, confirm(gatewaytoml.RootKeyPath), confirm(gatewaytoml.SubdirKeyPath))
}

// firstEncrypting is the first release whose gateways need a key-encryption key.
var firstEncrypting = release.First(func(c release.Contract) bool { return c.EncryptsCredentials })

// keyPath decides where the gateway keeps its key-encryption key. The claim's record decides; without one, only what
// proves where a key is, or that the volume has none. Known is false without such proof.
func (t Tenant) keyPath(volume Volume) (path string, known bool) {
	if volume.Claim == nil {
		return gatewaytoml.SubdirKeyPath, true
	}
	if recorded, is := volume.Claim.Annotations[annotationKeyPath]; is {
		return recorded, recorded == gatewaytoml.RootKeyPath || recorded == gatewaytoml.SubdirKeyPath
	}
	if last, is := t.lastOn(volume); is && !release.Of(last).EncryptsCredentials {
		return gatewaytoml.SubdirKeyPath, true // no gateway has created a key
	}
	if volume.Serves && volume.Image == t.Image {
		if path, known := keyPathIn(volume); known {
			return path, true
		}
		values, _ := t.keptValues(volume)
		for _, path := range []string{gatewaytoml.RootKeyPath, gatewaytoml.SubdirKeyPath} {
			if t.renders(volume.ConfigHash, path, values) {
				return path, true
			}
		}
	}
	if !volume.Serves && lacksRootKey(volume.TerminationMessage) {
		return gatewaytoml.SubdirKeyPath, true
	}
	return "", false
}

// keyPathIn returns the path in the gateway.toml that exists, if the StatefulSet's pod has this text and the operator chose the
// path. It ignores a text that the operator does not read.
func keyPathIn(volume Volume) (path string, known bool) {
	text, exists := volume.file()
	if !NeedsEarlierConfig(volume) || !exists || hash(text) != volume.ConfigHash {
		return "", false
	}
	path = gatewaytoml.ReadKeyPath(text)
	if path != gatewaytoml.RootKeyPath && path != gatewaytoml.SubdirKeyPath {
		return "", false
	}
	return path, true
}

// chosenKeyPath returns the path of keyPath or, if that is unknown, the path for a new volume. It is unknown here only for a
// volume that is being deleted, since CheckKeyPath rejects all other tenants.
func (t Tenant) chosenKeyPath(volume Volume) string {
	if path, known := t.keyPath(volume); known {
		return path
	}
	return gatewaytoml.SubdirKeyPath
}

// recordedKeyPath returns the path that the claim records, empty if it records none. Where the operator's path plays no
// role, because the gateway is older or its config sets a path, a record that exists stays as it is.
func (t Tenant) recordedKeyPath(volume Volume) string {
	if t.config.DefaultKeyPath {
		return t.chosenKeyPath(volume)
	}
	if volume.Claim == nil {
		return ""
	}
	recorded := volume.Claim.Annotations[annotationKeyPath]
	if recorded == gatewaytoml.RootKeyPath || recorded == gatewaytoml.SubdirKeyPath {
		return recorded
	}
	return ""
}

var (
	controlSequences = regexp.MustCompile("\x1b\\[[0-9;?]*[ -/]*[@-~]")
	// An error report is wrapped at spaces and hyphens, and drawn with characters that no path has.
	outsideOfPaths = regexp.MustCompile(`[^A-Za-z0-9/'.:_-]+`)
)

// lacksRootKey reports whether this is the termination message of a gateway that did not find a key at gatewaytoml.RootKeyPath and was not
// allowed to restrict the key's directory, so that no key exists there.
func lacksRootKey(message string) bool {
	bare := func(text string) string {
		return outsideOfPaths.ReplaceAllString(controlSequences.ReplaceAllString(text, ""), "")
	}
	const last = "failed to prepare default credential storage key-encryption key directory '" + gatewaytoml.RootKeyPath + "': failed to set permissions on " + gatewaytoml.VolumePath
	return strings.Contains(bare(message), bare(last))
}
