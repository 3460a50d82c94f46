package platformconfig

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

const origin = "platform/platform-config"

func bridged(from string) *v1alpha1.GatewayTenant {
	return &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{
		Name: v1alpha1.Name, Labels: map[string]string{v1alpha1.LabelSource: v1alpha1.SourcePlatformConfig}, Annotations: map[string]string{v1alpha1.AnnotationSource: from},
	}}
}

func TestCompare(t *testing.T) {
	leaving := bridged(origin)
	leaving.DeletionTimestamp = &metav1.Time{Time: metav1.Now().Time}
	entryA, refusedA := Source{Entries: []Entry{{Namespace: "a"}}}, Source{Refusals: []Refusal{{Namespace: "a", Message: "bad"}}}
	mistyped, err := Read(&corev1.ConfigMap{Data: map[string]string{Key: "- {name: A, gateway: {serverDnsNames: []}}"}}, testPlatform(t))
	if err != nil {
		t.Fatal(err)
	}
	nameless := Source{Refusals: []Refusal{{Message: "no name"}}}
	for _, c := range []struct {
		what          string
		source        Source
		tenant        *v1alpha1.GatewayTenant // in namespace a
		namespace     bool                    // a exists
		apply, delete bool
		report        string
	}{
		{"an entry", entryA, nil, true, true, false, ""},
		{"an entry that was there before", entryA, bridged(origin), true, true, false, ""},
		{"an entry without its namespace", entryA, nil, false, false, false, "does not exist"},
		{"an entry beside a hand-made tenant", entryA, &v1alpha1.GatewayTenant{}, true, false, false, "left alone"},
		{"an entry beside another source's tenant", entryA, bridged("other/platform-config"), true, false, false, "left alone"},
		{"a bad entry", refusedA, nil, true, false, false, "bad"},
		{"an entry that became bad", refusedA, bridged(origin), true, false, false, "bad"},
		{"a name that was mistyped", mistyped, bridged(origin), true, false, false, "it is kept"},
		{"no entry any more", Source{}, bridged(origin), true, false, true, ""},
		{"no entry, a hand-made tenant", Source{}, &v1alpha1.GatewayTenant{}, true, false, false, ""},
		{"no entry, another source's tenant", Source{}, bridged("other/platform-config"), true, false, false, ""},
		{"no entry, being deleted", Source{}, leaving, true, false, false, ""},
		{"no entry, but one without a name", nameless, bridged(origin), true, false, false, "it is kept"},
	} {
		tenants := map[string]*v1alpha1.GatewayTenant{}
		if c.tenant != nil {
			c.tenant.Namespace = "a"
			tenants["a"] = c.tenant
		}
		plan := Compare(c.source, tenants, map[string]bool{"a": c.namespace}, origin)
		if apply := len(plan.Apply) == 1; apply != c.apply {
			t.Errorf("%s: applied %v, want %v", c.what, apply, c.apply)
		}
		if deleted := len(plan.Delete) == 1; deleted != c.delete {
			t.Errorf("%s: deleted %v, want %v", c.what, deleted, c.delete)
		}
		if c.report == "" && len(plan.Report) > 0 || c.report != "" && !slices.ContainsFunc(plan.Report, func(line string) bool { return strings.Contains(line, c.report) }) {
			t.Errorf("%s: reported %q, want %q", c.what, plan.Report, c.report)
		}
	}
}
