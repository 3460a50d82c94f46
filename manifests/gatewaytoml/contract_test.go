package gatewaytoml

import (
	"errors"
	"os"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/ambient-code/gatewaytenant-operator/manifests/release"
)

// newestSchema1 is the newest known release whose gateway.toml has version 1.
var newestSchema1 = release.New(0, 0, 111)

// releases returns the versions of a range such as 0.0.76-0.0.109. A range without an end includes all later ones.
func releases(t *testing.T, text string) (first, last release.Version) {
	t.Helper()
	switch text {
	case "all":
		return release.OldestSupported(), newestSchema1
	case "none":
		return release.New(0, 0, 1), release.Version{}
	}
	low, high, is := strings.Cut(text, "-")
	if !is {
		high = newestSchema1.String()
	}
	first, ok := release.Parse(low)
	last, okay := release.Parse(high)
	if !ok || !okay {
		t.Fatalf("%s is not a range of releases", text)
	}
	return first, last
}

// TestContractOfEachRelease holds each text of testdata/contract.yaml against each release.
func TestContractOfEachRelease(t *testing.T) {
	text, err := os.ReadFile("testdata/contract.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct{ Starts, TOML string }
	if err := yaml.UnmarshalStrict(text, &cases); err != nil {
		t.Fatal(err)
	}
	oldest, newest := releases(t, "all")
	for _, c := range cases {
		first, last := releases(t, c.Starts)
		for version := oldest; !newest.Less(version); version.Patch++ {
			want := !version.Less(first) && !last.Less(version)
			file, err := New(input(version.String(), c.TOML))
			if own := file.OwnAudience("tenant-a"); own != "" {
				err = errors.New(own)
			}
			if (err == nil) != want {
				t.Errorf("%s %q: accepted is %t, want %t: %v", version, c.TOML, err == nil, want, err)
				break
			}
		}
	}
}
