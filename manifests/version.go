package manifests

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// The operator supports the releases of OpenShell from the oldest to the newest. It knows what each of them accepts and needs.
// To support a newer one, follow docs/contributing.md.
var (
	oldestSupported = Version{0, 0, 71}
	newestSupported = Version{0, 0, 111}
)

// Version is a gateway's version. What a gateway.toml may say depends on it.
type Version struct{ Major, Minor, Patch int }

// String is the version without a leading v.
func (v Version) String() string { return fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Patch) }

// Less tells whether v came before w.
func (v Version) Less(w Version) bool {
	return cmp.Or(cmp.Compare(v.Major, w.Major), cmp.Compare(v.Minor, w.Minor), cmp.Compare(v.Patch, w.Patch)) < 0
}

// unsupported returns why the operator does not support v, and the way out, as the end of a message. It is empty if the
// operator supports v.
func (v Version) unsupported() string {
	if !v.Less(oldestSupported) && !newestSupported.Less(v) {
		return ""
	}
	message := fmt.Sprintf("is release %s of the gateway, which this operator does not support; use a release from %s to %s", v, oldestSupported, newestSupported)
	if newestSupported.Less(v) {
		message += fmt.Sprintf(", or upgrade the operator to a version that supports %s", v)
	}
	return message
}

// versionPattern accepts 0.0.71, v0.0.71 and, in a tag, 0.0.71-anything.
var versionPattern = regexp.MustCompile(`^v?(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})(-.*)?$`)

// parseVersion reads a version, or the version at the beginning of a tag.
func parseVersion(s string) (Version, bool) {
	m := versionPattern.FindStringSubmatch(s)
	if m == nil {
		return Version{}, false
	}
	var n [3]int
	for i := range n {
		n[i], _ = strconv.Atoi(m[i+1]) // the pattern admits only what fits
	}
	return Version{n[0], n[1], n[2]}, true
}

// effectiveVersion returns the version in the image's tag or, if the tag has none, the given one. If there are both, they must
// agree: rules for the wrong version would accept a gateway.toml with which the gateway does not start. The operator must
// support the version. The image comes from the field.
func effectiveVersion(img image, field, given string) (Version, error) {
	const versionField = "spec.version"
	tagged, hasVersion := parseVersion(img.tag)
	if given == "" {
		if !hasVersion {
			return Version{}, reject(v1alpha1.ReasonVersionUnknown, versionField, given, "is needed: the image %s does not tell the gateway's version; set it, such as 0.0.71", img.ref)
		}
		return supported(tagged, field, img.ref)
	}
	version, ok := parseVersion(given)
	if !ok {
		return Version{}, reject(v1alpha1.ReasonVersionUnknown, versionField, given, "is not a version; give three numbers, such as 0.0.71")
	}
	if hasVersion && version != tagged {
		return Version{}, reject(v1alpha1.ReasonVersionUnknown, versionField, given, "contradicts the image's tag %s; leave it out, or correct one of them", img.tag)
	}
	if hasVersion {
		return supported(version, field, img.ref)
	}
	return supported(version, versionField, given)
}

// supported returns the version that the value of a field names, and rejects one that the operator does not support.
func supported(version Version, field, value string) (Version, error) {
	if wrong := version.unsupported(); wrong != "" {
		return Version{}, reject(v1alpha1.ReasonVersionUnsupported, field, value, "%s", wrong)
	}
	return version, nil
}
