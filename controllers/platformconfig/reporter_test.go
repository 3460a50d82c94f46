package platformconfig

import (
	"maps"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/plan"
	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/report"
)

// TestNewestReportCounts, whether this process wrote it or the cache received it.
func TestNewestReportCounts(t *testing.T) {
	cached := func(version, token string) *corev1.ConfigMap {
		data := report.Data(plan.Plan{Hold: plan.Hold{Token: token}})
		return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{ResourceVersion: version}, Data: data}
	}
	written := func(version, token string) *record { return &record{version: version, hold: plan.Hold{Token: token}} }
	for what, c := range map[string]struct {
		written        *record
		cached         *corev1.ConfigMap
		version, token string
	}{
		"nothing":                             {nil, nil, "", ""},
		"a report of an earlier process":      {nil, cached("9", "earlier"), "9", "earlier"},
		"a write that is not in the cache":    {written("10", "written"), cached("9", "earlier"), "10", "written"},
		"a first write, not in the cache":     {written("10", "written"), nil, "10", "written"},
		"a release that is not in the cache":  {written("10", ""), cached("9", "earlier"), "10", ""},
		"a write that is in the cache":        {written("10", "written"), cached("10", "written"), "10", "written"},
		"a write of another client afterward": {written("10", "written"), cached("11", "other"), "11", "other"},
	} {
		r := reporter{written: c.written}
		if is := r.latest(c.cached); is.version != c.version || is.hold.Token != c.token {
			t.Errorf("%s: version %q with hold %q, want %q with %q", what, is.version, is.hold.Token, c.version, c.token)
		}
	}
}

// TestCacheCountsOnceItIsNotBehind: if the report is deleted after the cache received a write, no hold is recorded any more.
func TestCacheCountsOnceItIsNotBehind(t *testing.T) {
	r := reporter{written: &record{version: "10", hold: plan.Hold{Token: "written"}}}
	r.latest(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{ResourceVersion: "10"}})
	if is := r.latest(nil); is.version != "" || is.hold.Token != "" {
		t.Errorf("after the deletion: %+v", is)
	}
}

// TestHoldIsRecordedWithTheNewestNamespaces, although the cache contains an older report.
func TestHoldIsRecordedWithTheNewestNamespaces(t *testing.T) {
	newest, err := plan.ParseApplied("AAAAAAAB")
	if err != nil {
		t.Fatal(err)
	}
	cached := &corev1.ConfigMap{Data: report.Data(plan.Plan{Applied: plan.AppliedSet{}})}
	server := fake.NewClientBuilder().Build()
	r := reporter{client: server, name: types.NamespacedName{Namespace: "platform", Name: "platform-config-status"}}
	recorded, err := r.recordHold(t.Context(), plan.Hold{Token: "held"}, newest, cached)
	if err != nil || recorded.hold.Token != "held" || !maps.Equal(recorded.applied, newest) {
		t.Errorf("recorded %+v, with the error %v", recorded, err)
	}
	written := &corev1.ConfigMap{}
	if err := server.Get(t.Context(), r.name, written); err != nil || !maps.Equal(report.AppliedIn(written), newest) || report.HoldIn(written).Token != "held" {
		t.Errorf("wrote %v, with the error %v", written.Data, err)
	}
}
