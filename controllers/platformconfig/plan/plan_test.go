package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/entries"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

const (
	origin = "platform/platform-config"
	shard  = "platform/shard"
)

// bridgedIn returns a GatewayTenant that the bridge created from origin.
func bridgedIn(namespace string) *v1alpha1.GatewayTenant {
	return &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{
		Name: v1alpha1.Name, Namespace: namespace, UID: types.UID("uid-" + namespace),
		Labels:        map[string]string{v1alpha1.LabelSource: v1alpha1.SourcePlatformConfig},
		Annotations:   map[string]string{v1alpha1.AnnotationSource: origin},
		ManagedFields: []metav1.ManagedFieldsEntry{{Manager: FieldOwner, Operation: metav1.ManagedFieldsOperationApply}},
	}}
}

// read reads a text as the ConfigMap platform/platform-config.
func read(t testing.TB, text string) entries.Source {
	t.Helper()
	platform, err := manifests.NewPlatform("", "certgen:1", []string{"ghcr.io/nvidia/"})
	if err != nil {
		t.Fatal(err)
	}
	config := &corev1.ConfigMap{Data: map[string]string{entries.Key: text}}
	config.Namespace, config.Name = "platform", "platform-config"
	return entries.Read(config, platform)
}

func entryFor(namespace string) string {
	return "- {name: " + namespace + ", gateway: {serverDnsNames: []}}\n"
}

// TestCompare compares each kind of entry with each state of its namespace. Other tenants with entries always exist, so that
// no removal is of all tenants.
func TestCompare(t *testing.T) {
	const others = "- {name: other, gateway: {serverDnsNames: []}}\n"
	sources := map[string][]entries.Source{
		"listed":           {read(t, others+entryFor("a"))},
		"not listed":       {read(t, others)},
		"listed badly":     {read(t, others+"- {name: a, gateway: {serverDnsNames: [], imag: x}}")},
		"listed twice":     {read(t, others+entryFor("a")+entryFor("a"))},
		"name mistyped":    {read(t, others+"- {name: A, gateway: {serverDnsNames: []}}")},
		"unreadable":       {read(t, "- {name: a")},
		"not there":        {},
		"in two shards":    {read(t, others+entryFor("a")), inShard(read(t, entryFor("a")))},
		"moved to shard":   {read(t, others), inShard(read(t, entryFor("a")))},
		"shard unread":     {read(t, others), inShard(read(t, "null"))},
		"badly in shard":   {read(t, others), inShard(read(t, "- {name: a}"))},
		"namelessly there": {read(t, others), inShard(read(t, "- {gateway: {}}"))},
	}
	tenants := map[string]func() *v1alpha1.GatewayTenant{
		"none":      func() *v1alpha1.GatewayTenant { return nil },
		"bridged":   func() *v1alpha1.GatewayTenant { return bridgedIn("a") },
		"hand-made": func() *v1alpha1.GatewayTenant { return &v1alpha1.GatewayTenant{} },
		"unlabelled": func() *v1alpha1.GatewayTenant { // by a tenant who removed the label
			tenant := bridgedIn("a")
			tenant.Labels = nil
			return tenant
		},
		"restored": func() *v1alpha1.GatewayTenant { // from a backup
			tenant := bridgedIn("a")
			tenant.ManagedFields = nil
			return tenant
		},
		"to platform": func() *v1alpha1.GatewayTenant {
			return &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{v1alpha1.AnnotationHandOver: v1alpha1.HandOverToPlatform}}}
		},
		"to tenant": func() *v1alpha1.GatewayTenant {
			tenant := bridgedIn("a")
			tenant.Annotations[v1alpha1.AnnotationHandOver] = v1alpha1.HandOverToTenant
			return tenant
		},
		"forged": func() *v1alpha1.GatewayTenant { // by a tenant who writes under the bridge's name
			tenant := bridgedIn("a")
			tenant.Labels, tenant.Annotations = nil, nil
			return tenant
		},
		"being deleted": func() *v1alpha1.GatewayTenant {
			tenant := bridgedIn("a")
			tenant.DeletionTimestamp = &metav1.Time{}
			return tenant
		},
	}
	records := map[string]AppliedSet{
		"no record":                         nil,
		"not recorded":                      {hashOf("other", "1"): {}},
		"recorded":                          {hashOf("other", "1"): {}, hashOf("a", "2"): {}},
		"recorded before it was made again": {hashOf("other", "1"): {}, hashOf("a", "1"): {}},
	}
	for sourceName, source := range sources {
		for tenantName, tenant := range tenants {
			for presence, presenceName := range []string{Absent: "absent", Present: "present", Terminating: "terminating", Unwatched: "unwatched", Restoring: "restoring"} {
				for recordName, record := range records {
					snapshot := Snapshot{
						Tenants:    map[string]*v1alpha1.GatewayTenant{"other": bridgedIn("other")},
						Namespaces: map[string]Presence{"other": Present, "a": Presence(presence)},
						UIDs:       map[string]types.UID{"other": "1", "a": "2"}, Applied: record,
					}
					if tenant := tenant(); tenant != nil {
						tenant.Namespace = "a"
						snapshot.Tenants["a"] = tenant
					}
					got := outcome(Compare(source, snapshot, DefaultGuard))
					if want := expected(sourceName, tenantName, recordName, Presence(presence)); got != want {
						t.Errorf("%s, %s, %s, namespace %s: %s, want %s", sourceName, tenantName, recordName, presenceName, got, want)
					}
				}
			}
		}
	}
}

// expected returns the outcome by the rules, stated independently of the code.
func expected(source, tenant, record string, namespace Presence) string {
	isMarked := slices.Contains([]string{"bridged", "restored", "to tenant"}, tenant) ||
		slices.Contains([]string{"unlabelled", "forged"}, tenant) && slices.Contains([]string{"no record", "recorded"}, record)
	switch source {
	case "listed badly", "listed twice", "in two shards", "badly in shard":
		return "Refused"
	case "listed", "moved to shard":
		switch {
		case namespace == Unwatched:
			return "Refused"
		case namespace != Present:
			return "Waiting"
		case slices.Contains([]string{"hand-made", "unlabelled", "forged"}, tenant) && !isMarked && record != "recorded":
			return "Conflict"
		}
		return "Applied+apply"
	case "not listed":
		switch {
		case namespace != Present || !isMarked:
			return "nothing"
		case tenant == "forged":
			return "Kept"
		case tenant == "to tenant":
			return "release"
		}
		return "delete"
	}
	if namespace == Present && isMarked {
		return "Kept"
	}
	return "nothing"
}

// outcome returns what a plan does in namespace a.
func outcome(plan Plan) string {
	is := func(tenant *v1alpha1.GatewayTenant) bool { return tenant.Namespace == "a" }
	var done []string
	for _, row := range plan.Rows {
		if row.Namespace == "a" && !slices.Contains(done, string(row.State)) {
			done = append(done, string(row.State))
		}
	}
	if slices.ContainsFunc(plan.Apply, func(work Work) bool { return work.Namespace == "a" }) {
		done = append(done, "apply")
	}
	if slices.ContainsFunc(plan.Delete, is) {
		done = append(done, "delete")
	}
	if slices.ContainsFunc(plan.Release, is) {
		done = append(done, "release")
	}
	if len(done) == 0 {
		return "nothing"
	}
	return strings.Join(done, "+")
}

// inShard returns the source as that of the second ConfigMap.
func inShard(source entries.Source) entries.Source {
	source.Origin, source.Name = shard, shard
	return source
}

func TestMassRemovalIsHeldUntilItsTokenIsConfirmed(t *testing.T) {
	for _, c := range []struct {
		tenants, listed int
		text            string // empty: that of the listed ones
		held            bool
	}{
		{20, 20, "", false}, {20, 10, "", false}, {20, 9, "", true}, {20, 0, "[]", true}, {10, 0, "[]", false}, {11, 0, "[]", true},
		{10, 1, "", false}, {3, 0, "- {name: elsewhere, gateway: {serverDnsNames: []}}", true}, {1, 0, "[]", false}, {1000, 501, "", false}, {1000, 499, "", true},
	} {
		snapshot := Snapshot{Tenants: map[string]*v1alpha1.GatewayTenant{}, Namespaces: map[string]Presence{}}
		text := c.text
		for i := range c.tenants {
			namespace := fmt.Sprint("t-", i)
			snapshot.Tenants[namespace], snapshot.Namespaces[namespace] = bridgedIn(namespace), Present
			if i < c.listed {
				text += entryFor(namespace)
			}
		}
		source := read(t, text)
		plan := Compare([]entries.Source{source}, snapshot, DefaultGuard)
		removed := c.tenants - c.listed
		if held := plan.Hold.Token != ""; held != c.held || len(plan.Delete) != map[bool]int{true: 0, false: removed}[c.held] {
			t.Errorf("%d of %d: held %v, deleted %d; want held %v", removed, c.tenants, held, len(plan.Delete), c.held)
		}
		if !c.held {
			continue
		}
		source.Confirmed = plan.Hold.Token
		if notOnRecord := Compare([]entries.Source{source}, snapshot, DefaultGuard); len(notOnRecord.Delete) > 0 {
			t.Errorf("%d of %d: a hold that is not on record was confirmed", removed, c.tenants)
		}
		snapshot.Hold = plan.Hold
		if confirmed := Compare([]entries.Source{source}, snapshot, DefaultGuard); len(confirmed.Delete) != removed {
			t.Errorf("%d of %d: confirmed, and deleted %d", removed, c.tenants, len(confirmed.Delete))
		}
		snapshot.Hold, snapshot.Nonce = Hold{}, "later" // the entries came back meanwhile, and the hold went
		if later := Compare([]entries.Source{source}, snapshot, DefaultGuard); len(later.Delete) > 0 || later.Hold.Token == plan.Hold.Token {
			t.Errorf("%d of %d: a confirmation of an earlier hold deleted %d", removed, c.tenants, len(later.Delete))
		}
	}
}

// TestRemovalStaysHeldWhateverElseItsEditCreates: an edit that renames all tenants creates others, so that the next reconcile
// no longer removes all.
func TestRemovalStaysHeldWhateverElseItsEditCreates(t *testing.T) {
	snapshot := Snapshot{Tenants: map[string]*v1alpha1.GatewayTenant{"a": bridgedIn("a")}, Namespaces: map[string]Presence{"a": Present, "b": Present}}
	source := read(t, entryFor("b"))
	first := Compare([]entries.Source{source}, snapshot, DefaultGuard)
	snapshot.Tenants["b"], snapshot.Hold = bridgedIn("b"), first.Hold
	second := Compare([]entries.Source{source}, snapshot, DefaultGuard)
	if first.Hold.Token == "" || len(second.Delete) > 0 || second.Hold.Token != first.Hold.Token {
		t.Errorf("first %+v, then %+v", first.Hold, second.Hold)
	}
	source.Confirmed = second.Hold.Token
	if confirmed := Compare([]entries.Source{source}, snapshot, DefaultGuard); len(confirmed.Delete) != 1 {
		t.Errorf("confirmed: %+v", confirmed)
	}
}

// TestForgedTenantsDoNotMakeARemovalSmaller: tenants may write labels and annotations in their own namespaces.
func TestForgedTenantsDoNotMakeARemovalSmaller(t *testing.T) {
	snapshot := Snapshot{Tenants: map[string]*v1alpha1.GatewayTenant{}, Namespaces: map[string]Presence{}}
	for _, namespace := range []string{"a", "b", "forged"} {
		snapshot.Tenants[namespace], snapshot.Namespaces[namespace] = bridgedIn(namespace), Present
	}
	snapshot.Tenants["forged"].Annotations[v1alpha1.AnnotationSource] = strings.Repeat("<", 200000)
	plan := Compare([]entries.Source{read(t, entryFor("c"))}, snapshot, DefaultGuard)
	if plan.Hold.Token == "" || len(plan.Delete) > 0 {
		t.Errorf("removed: %d", len(plan.Delete))
	}
	for _, row := range plan.Rows {
		if len(row.Source) > 400 {
			t.Errorf("a forged source of %d bytes is reported", len(row.Source))
		}
	}
}

// TestEntryWhoseNameIsInDoubtRemovesNothing, whatever else is wrong with it. A name of its own next to a merged one is not in doubt.
func TestEntryWhoseNameIsInDoubtRemovesNothing(t *testing.T) {
	for _, text := range []string{
		"- {gateway: {serverDnsNames: [&n a], imag: x}, name: *n}", "- {name: wrong, name: a, gateway: {serverDnsNames: []}}", "- &n {name: *n}",
		"- <<: {name: a}\n  gateway: {imag: x}",
	} {
		snapshot := Snapshot{Tenants: map[string]*v1alpha1.GatewayTenant{}, Namespaces: map[string]Presence{}}
		for _, namespace := range []string{"a", "b", "other"} {
			snapshot.Tenants[namespace], snapshot.Namespaces[namespace] = bridgedIn(namespace), Present
		}
		plan := Compare([]entries.Source{read(t, entryFor("other")+entryFor("b")+text)}, snapshot, DefaultGuard)
		for _, tenant := range plan.Delete {
			t.Errorf("%s: removes %s", text, tenant.Namespace)
		}
	}
}
