// Package release holds what the operator knows of each release of OpenShell: whether it supports the release, and what its
// gateway reads, needs and does. The facts are in changes.go.
package release

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
)

// Version is the version of a release, which is also that of its gateway.
type Version struct{ Major, Minor, Patch int }

// New returns a version.
func New(major, minor, patch int) Version { return Version{major, minor, patch} }

// String returns the version without a leading v.
func (v Version) String() string { return fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Patch) }

// Less reports whether v is lower than w.
func (v Version) Less(w Version) bool {
	return cmp.Or(cmp.Compare(v.Major, w.Major), cmp.Compare(v.Minor, w.Minor), cmp.Compare(v.Patch, w.Patch)) < 0
}

// pattern matches 0.0.71, v0.0.71 and, in a tag, 0.0.71-anything.
var pattern = regexp.MustCompile(`^v?(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})(-.*)?$`)

// Parse reads a version, or the version at the beginning of a tag.
func Parse(text string) (Version, bool) {
	match := pattern.FindStringSubmatch(text)
	if match == nil {
		return Version{}, false
	}
	var numbers [3]int
	for i := range numbers {
		numbers[i], _ = strconv.Atoi(match[i+1]) // the pattern matches only numbers that fit
	}
	return New(numbers[0], numbers[1], numbers[2]), true
}
