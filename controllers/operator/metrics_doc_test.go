package operator

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

var update = flag.Bool("update", false, "rewrite the list of metrics in docs/metrics.md")

var described = regexp.MustCompile(`^Desc\{fqName: "(gatewaytenant_[^"]+)", help: ("(?:[^"\\]|\\.)*"), .*, variableLabels: \{([^}]*)\}\}$`)

// TestMetricsDocIsWhatIsRegistered: the list is taken from the registry that the operator serves.
func TestMetricsDocIsWhatIsRegistered(t *testing.T) {
	const doc, heading = "../../docs/metrics.md", "## The operator's own\n"
	text, err := os.ReadFile(doc)
	if err != nil {
		t.Fatal(err)
	}
	written, _, there := strings.Cut(string(text), heading)
	if !there {
		t.Fatalf("%s has no heading %q", doc, heading)
	}
	all := make(chan *prometheus.Desc)
	go func() {
		metrics.Registry.(prometheus.Collector).Describe(all)
		close(all)
	}()
	rows := map[string]string{}
	for desc := range all {
		found := described.FindStringSubmatch(desc.String())
		if found == nil {
			continue // controller-runtime's, or Go's
		}
		name, kind := found[1], "gauge"
		if strings.HasSuffix(name, "_total") {
			kind = "counter"
		}
		help, err := strconv.Unquote(found[2])
		if err != nil {
			t.Fatal(err)
		}
		rows[name] = fmt.Sprintf("| `%s` | %s | %s | %s |\n", name, kind, strings.ReplaceAll(found[3], ",", ", "), help)
	}
	if len(rows) < 6 {
		t.Fatalf("found %d metrics only: %v", len(rows), slices.Collect(maps.Keys(rows)))
	}
	want := written + heading + "\n| metric | type | labels | |\n|---|---|---|---|\n"
	for _, name := range slices.Sorted(maps.Keys(rows)) {
		want += rows[name]
	}
	if *update {
		if err := os.WriteFile(doc, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("%s is behind (make generate writes it):\n%s", doc, diff)
	}
}
