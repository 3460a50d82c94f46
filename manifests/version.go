package manifests

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// newestKnown is the newest version whose gateway.toml the schema knows. Newer ones are held to its rules.
var newestKnown = Version{0, 0, 111}

// Version is a gateway's version. What a gateway.toml may say depends on it.
type Version struct{ Major, Minor, Patch int }

// String is the version without a leading v.
func (v Version) String() string { return fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Patch) }

// Less tells whether v came before w.
func (v Version) Less(w Version) bool {
	return cmp.Or(cmp.Compare(v.Major, w.Major), cmp.Compare(v.Minor, w.Minor), cmp.Compare(v.Patch, w.Patch)) < 0
}

// NewerThanKnown tells whether v came after the newest version that is known.
func (v Version) NewerThanKnown() bool { return newestKnown.Less(v) }

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

// effectiveVersion is the version that the image's tag tells, or else the one that was given. If both tell, they must
// agree: rules for the wrong version would accept a gateway.toml with which the gateway does not start.
func effectiveVersion(img image, given string) (Version, error) {
	const field = "spec.version"
	tagged, tells := parseVersion(img.tag)
	if given == "" {
		if !tells {
			return Version{}, reject(v1alpha1.ReasonVersionUnknown, field, given, "is needed: the image %s does not tell the gateway's version; set it, such as 0.0.71", img.ref)
		}
		return tagged, nil
	}
	version, ok := parseVersion(given)
	if !ok {
		return Version{}, reject(v1alpha1.ReasonVersionUnknown, field, given, "is not a version; give three numbers, such as 0.0.71")
	}
	if tells && version != tagged {
		return Version{}, reject(v1alpha1.ReasonVersionUnknown, field, given, "contradicts the image's tag %s; leave it out, or correct one of them", img.tag)
	}
	return version, nil
}
