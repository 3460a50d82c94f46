package plan

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/entries"
)

// TestRecordOutlivesTheMarks: what is recorded once stays recorded while an entry asks for it, whatever its tenant does, and
// ends when neither an entry nor a marked GatewayTenant is left.
func TestRecordOutlivesTheMarks(t *testing.T) {
	listed, unlisted := []entries.Source{read(t, entryFor("a"))}, []entries.Source{read(t, entryFor("b"))}
	var applied AppliedSet
	next := func(sources []entries.Source, tenant *v1alpha1.GatewayTenant, uid types.UID) Plan {
		snapshot := Snapshot{Tenants: map[string]*v1alpha1.GatewayTenant{}, Namespaces: map[string]Presence{"a": Present}, UIDs: map[string]types.UID{"a": uid}, Applied: applied}
		if tenant != nil {
			tenant.Namespace = "a"
			snapshot.Tenants["a"] = tenant
		}
		plan := Compare(sources, snapshot, DefaultGuard)
		applied = plan.Applied
		return plan
	}
	handMade := func() *v1alpha1.GatewayTenant { return &v1alpha1.GatewayTenant{} }
	for i, c := range []struct {
		sources []entries.Source
		tenant  *v1alpha1.GatewayTenant
		uid     types.UID
		want    string
		records bool
	}{
		{listed, handMade(), "1", "Conflict", false}, // an installation without a record
		{listed, nil, "1", "Applied+apply", false},   // not before it is seen
		{listed, bridgedIn("a"), "1", "Applied+apply", true},
		{listed, handMade(), "1", "Applied+apply", true},
		{listed, nil, "1", "Applied+apply", true},
		{[]entries.Source{read(t, "- broken")}, handMade(), "1", "nothing", true},
		{[]entries.Source{read(t, "- {")}, handMade(), "1", "nothing", true},
		{[]entries.Source{read(t, "- {name: a, gateway: {imag: x}}")}, handMade(), "1", "Refused", true},
		{listed, handMade(), "2", "Conflict", false}, // the namespace was deleted and made again
		{listed, bridgedIn("a"), "2", "Applied+apply", true},
		{unlisted, bridgedIn("a"), "2", "Held", true},
		{unlisted, handMade(), "2", "nothing", false}, // removed, and made by hand
		{listed, handMade(), "2", "Conflict", false},
	} {
		plan := next(c.sources, c.tenant, c.uid)
		if got := outcome(plan); got != c.want || applied.has("a", c.uid) != c.records {
			t.Errorf("%d: %s, recorded %v; want %s, %v", i, got, applied.has("a", c.uid), c.want, c.records)
		}
	}
}

// TestRecordIsReadBack in a size that a ConfigMap has space for.
func TestRecordIsReadBack(t *testing.T) {
	applied := AppliedSet{}
	for i := range 25_000 {
		applied[hashOf(fmt.Sprint("tenant-", i), types.UID(fmt.Sprint(i)))] = struct{}{}
	}
	text := applied.Text()
	if len(text) > 200_000 || text != maps.Clone(applied).Text() {
		t.Errorf("the text has %d bytes, or differs each time", len(text))
	}
	if is, err := ParseApplied(text); err != nil || !maps.Equal(is, applied) || !is.has("tenant-7", "7") || is.has("tenant-7", "8") || is.has("tenant-7", "") {
		t.Errorf("%d are read back: %v", len(is), err)
	}
	if empty, err := ParseApplied(AppliedSet(nil).Text()); err != nil || empty == nil || len(empty) > 0 {
		t.Errorf("the empty set is read back as %v: %v", empty, err)
	}
	for _, text := range []string{"x", "?", strings.Repeat("A", 9)} {
		if is, err := ParseApplied(text); err == nil {
			t.Errorf("%q is read as %v", text, is)
		}
	}
}
