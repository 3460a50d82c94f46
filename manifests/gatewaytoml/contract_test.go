package gatewaytoml

import (
	"errors"
	"os"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/ambient-code/gatewaytenant-operator/manifests/release"
)

// releases returns the versions of a range such as 0.0.76-0.0.109 or 0.1.0-0.1.2. A range without an end includes all later ones
// that read the same schema version.
func (s schemaData) releases(t *testing.T, text string) (first, last release.Version) {
	t.Helper()
	switch text {
	case "all":
		return s.oldest, s.newest
	case "none":
		return release.New(0, 0, 1), release.Version{}
	}
	low, high, is := strings.Cut(text, "-")
	if !is {
		high = s.newest.String()
	}
	first, ok := release.Parse(low)
	last, okay := release.Parse(high)
	if !ok || !okay {
		t.Fatalf("%s is not a range of releases", text)
	}
	return first, last
}

// TestContractOfEachRelease holds each text of testdata/contract.yaml, and for schema version 2 each text of contract2.yaml, against
// each release.
func TestContractOfEachRelease(t *testing.T) {
	for _, schema := range schemas {
		t.Run(schema.cases, func(t *testing.T) { testContract(t, schema) })
	}
}

func testContract(t *testing.T, schema schemaData) {
	text, err := os.ReadFile("testdata/" + schema.cases)
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct{ Starts, TOML string }
	if err := yaml.UnmarshalStrict(text, &cases); err != nil {
		t.Fatal(err)
	}
	oldest, newest := schema.oldest, schema.newest
	for _, c := range cases {
		first, last := schema.releases(t, c.Starts)
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
