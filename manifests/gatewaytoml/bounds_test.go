package gatewaytoml

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
)

// TestBoundsOfAConfig holds each bound to what is just within it, and to what is just beyond, where the message names the
// bound and the line.
func TestBoundsOfAConfig(t *testing.T) {
	const unused = "[openshell.drivers.x]\n" // three levels deep, and three keys
	dotted := func(levels int) string {
		return unused + strings.TrimSuffix(strings.Repeat("a.", levels-3), ".") + " = 1\n"
	}
	inline := func(levels int) string {
		return unused + "\na = " + strings.Repeat("{a = ", levels-4) + "1" + strings.Repeat("}", levels-4) + "\n"
	}
	arrays := func(levels int) string {
		return unused + "a = " + strings.Repeat("[", levels-4) + "1" + strings.Repeat("]", levels-4) + "\n"
	}
	header := func(levels int) string { return "[openshell.drivers" + strings.Repeat(".a", levels-2) + "]\n" }
	mixed := func(levels int) string {
		return "[[openshell.drivers.x.a]]\nb.c = [[{d.e = " + strings.Repeat("[", levels-10) + "1" + strings.Repeat("]", levels-10) + "}]]\n"
	}
	keys := func(n int) string {
		var text strings.Builder
		text.WriteString(unused)
		for i := range n - 3 {
			fmt.Fprintf(&text, "k%d = 1\n", i)
		}
		return text.String()
	}
	items := func(n int) string { return unused + "a = [\n" + strings.Repeat("1,\n", n-4) + "]\n" }
	for name, c := range map[string]struct {
		within, beyond string
		says           []string
	}{
		"dotted key":     {dotted(16), dotted(17), []string{"line 2, column 27", "more than 16 levels"}},
		"inline table":   {inline(16), inline(17), []string{"line 3, column 66", "more than 16 levels"}},
		"arrays":         {arrays(16), arrays(17), []string{"line 2, column 1", "more than 16 levels"}},
		"header":         {header(16), header(17), []string{"line 1, column 48", "more than 16 levels"}},
		"all of these":   {mixed(16), mixed(17), []string{"line 2", "more than 16 levels"}},
		"keys":           {keys(2000), keys(2001), []string{"line 1999, column 1", "more than 2000 keys"}},
		"items":          {items(2000), items(2001), []string{"line 2, column 1", "more than 2000 keys"}},
		"characters":     {fill(65536, "#", "a", ""), fill(65537, "#", "a", ""), []string{"65537", "65536 are allowed"}},
		"wide ones":      {"#" + strings.Repeat("ä", 65535), "#" + strings.Repeat("ä", 65536), []string{"65537", "65536 are allowed"}},
		"rendered bytes": {"openshell.gateway.default_image = '" + strings.Repeat("€", 40_000) + "'", "\nopenshell.gateway.default_image = '" + strings.Repeat("€", 50_000) + "'", []string{"line 2, column 19", "openshell.gateway.default_image", "larger than 131072 bytes"}},
	} {
		if _, err := New(input("0.0.71", c.within)); err != nil {
			t.Errorf("%s: what is within the bound is rejected: %v", name, err)
		}
		_, err := New(input("0.0.71", c.beyond))
		if err == nil {
			t.Errorf("%s: what is beyond the bound is accepted", name)
			continue
		}
		for _, says := range append(c.says, "spec.config") {
			if !strings.Contains(err.Error(), says) {
				t.Errorf("%s: %q does not say %q", name, err, says)
			}
		}
	}
}

// TestRenderedSizeIsCheckedBeforeRendering: the encoder would need a hundred megabytes for this.
func TestRenderedSizeIsCheckedBeforeRendering(t *testing.T) {
	long := strings.Repeat("k", 60_000)
	text := "[a]\nb = 1\n[" + long + "]\n" + lines(15_000, "k%d = {}\n")
	given := table{}
	if err := toml.Unmarshal([]byte(text), &given); err != nil {
		t.Fatal(err)
	}
	err := checkRenderedSize(text, given)
	if err == nil || !strings.Contains(err.Error(), "line 1004, column 1") || !strings.Contains(err.Error(), "this alone takes 6001") {
		t.Errorf("%.1000v", err)
	}
	if err := checkRenderedSize("", table{"a": strings.Repeat("'", maxRenderedSize-20)}); err != nil {
		t.Error(err)
	}
}

// TestSizerIsNeverBelow what the encoder writes.
func TestSizerIsNeverBelow(t *testing.T) {
	for _, text := range []string{
		"a = 1", `a = "\u0000\u007f\n\t\"'\\é"`, "a = [1e308, -5e-324, nan, -inf, 0.1]", "a = [{}, {b = 1}]", "[[a]]\n[[a]]\n[a.b]\n'c d'.e = [[], [{}]]",
		"a = 1979-05-27T00:32:00.999999-07:00", "a = 1979-05-27", "a = 00:32:00.999999999", "a = 1979-05-27T07:32:00.5", "a = -9223372036854775808\nb = false",
		`"a.b".'c"d' = {e = "'", f = [true]}`,
	} {
		given := table{}
		if err := toml.Unmarshal([]byte(text), &given); err != nil {
			t.Fatal(text, err)
		}
		written, err := toml.Marshal(given)
		if err != nil {
			t.Fatal(err)
		}
		var s sizer
		if s.table(given, nil, 0); s.total < len(written) {
			t.Errorf("%q: %d bytes are written, and %d expected at most:\n%s", text, len(written), s.total, written)
		}
	}
}
