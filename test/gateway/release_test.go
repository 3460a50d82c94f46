package gateway

import "testing"

func TestReleases(t *testing.T) {
	for text, want := range map[string]struct {
		release   Release
		described bool
	}{
		"0.0.71": {Oldest, true}, "v0.0.111": {NewestSchema1, true}, "0.0.70": {70, false}, "0.0.112": {112, false}, "0.0.116": {116, false},
		"0.1.0": {firstSchema2, true}, "0.1.5-crashes": {Newest, true}, "0.1.6": {Newest + 1, false}, "0.2.0": {2 * minor, false},
	} {
		r, ok := ParseRelease(text)
		if !ok || r != want.release || r.Described() != want.described {
			t.Errorf("%s: %d, %v, described %v", text, r, ok, r.Described())
		}
	}
	for _, text := range []string{"latest", "1.0.0", "0.1", "0.0.-1", "0.0.9999", "0.-1.2", ""} {
		if r, ok := ParseRelease(text); ok {
			t.Errorf("%q is taken for %s", text, r)
		}
	}
	all := Releases()
	if len(all) != 41+6 || all[0] != Oldest || all[len(all)-1] != Newest || all[41].String() != "0.1.0" {
		t.Error(all)
	}
}
