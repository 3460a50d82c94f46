package platformconfig

import (
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/entries"
	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/plan"
)

// TestContention counts an apply only if another client undid the one before it.
func TestContention(t *testing.T) {
	at := func(generation int64, version string) *v1alpha1.GatewayTenant {
		return &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Generation: generation, ResourceVersion: version}}
	}
	now := time.Now()
	rival := []string{`the field manager "rival"`}
	for what, c := range map[string]struct {
		do       func(c *contention)
		reported bool
	}{
		"one change after the other, each after the apply was found": {func(c *contention) {
			for i := range int64(4) {
				c.apply("a", "hash", at(2*i+1, ""), rival, now)
				c.settle(at(2*i+2, "v"), "hash")
			}
		}, true},
		"changes so fast that no apply is found": {func(c *contention) {
			for i := range int64(4) {
				c.apply("a", "hash", at(2*i+1, ""), rival, now)
			}
		}, true},
		"deleted again and again": {func(c *contention) {
			for range 4 {
				c.apply("a", "hash", nil, rival, now)
				c.settle(at(1, "v"), "hash")
			}
		}, true},
		"changes after a restart": {func(c *contention) {
			for i := range int64(3) {
				c.settle(at(2*i+2, "v"), "hash")
				c.apply("a", "hash", at(2*i+3, ""), rival, now)
			}
		}, true},
		"a cache that is behind": {func(c *contention) {
			for range 9 {
				c.apply("a", "hash", at(1, ""), rival, now)
			}
		}, false},
		"a cache that is behind a creation": {func(c *contention) {
			for range 9 {
				c.apply("a", "hash", nil, rival, now)
			}
		}, false},
		"an entry that changes": {func(c *contention) {
			for i := range int64(9) {
				c.apply("a", strings.Repeat("x", int(i)), at(i, ""), rival, now)
				c.settle(at(i+1, "v"), strings.Repeat("x", int(i)))
			}
		}, false},
		"changes that are rare": {func(c *contention) {
			for i := range int64(9) {
				c.apply("a", "hash", at(2*i+1, ""), rival, now.Add(time.Duration(i-8)*11*time.Minute))
				c.settle(at(2*i+2, "v"), "hash")
			}
		}, false},
		"an entry that went": {func(c *contention) {
			for i := range int64(4) {
				c.apply("a", "hash", at(2*i+1, ""), rival, now)
				c.settle(at(2*i+2, "v"), "hash")
			}
			c.keepOnly([]plan.Work{{}})
		}, false},
	} {
		var contention contention
		c.do(&contention)
		message, wait := contention.message("a", now.Add(time.Minute))
		if (message != "") != c.reported || c.reported && (wait != 9*time.Minute || !strings.Contains(message, `"rival"`)) {
			t.Errorf("%s: %q for %s, want it reported: %v", what, message, wait, c.reported)
		}
		if message, _ := contention.message("a", now.Add(10*time.Minute)); message != "" {
			t.Errorf("%s: it is still reported: %q", what, message)
		}
	}
}

// TestContendersAreBounded: a client may use another name each time.
func TestContendersAreBounded(t *testing.T) {
	var contention contention
	for i := range int64(100) {
		tenant := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Generation: 2 * i}}
		contention.apply("a", "hash", tenant, []string{fmt.Sprint("name-", i), fmt.Sprint("other-", i)}, time.Now())
	}
	if message, _ := contention.message("a", time.Now()); len(message) > 400 || strings.Count(message, "-") != maxClients {
		t.Errorf("the message is %q", message)
	}
}

// TestClientThatChangedIsNamed as far as the API server records it.
func TestClientThatChangedIsNamed(t *testing.T) {
	entry := func(manager, subresource string, second int64) metav1.ManagedFieldsEntry {
		return metav1.ManagedFieldsEntry{Manager: manager, Subresource: subresource, Time: &metav1.Time{Time: time.Unix(second, 0)}}
	}
	tenant := &v1alpha1.GatewayTenant{}
	tenant.ManagedFields = []metav1.ManagedFieldsEntry{entry(plan.FieldOwner, "", 9), entry("first", "", 1), entry("second", "", 2), entry("operator", "status", 8)}
	for _, c := range []struct {
		tenant *v1alpha1.GatewayTenant
		drift  []string
		want   string
	}{
		{tenant, []string{"first"}, `the field manager "first"`},
		{tenant, nil, `the field manager "second"`},
		{&v1alpha1.GatewayTenant{}, nil, "under the name of the bridge"},
		{nil, nil, "a client that deletes it"},
	} {
		if is := clientsOf(c.tenant, c.drift); len(is) != 1 || !strings.Contains(is[0], c.want) {
			t.Errorf("%v, want %q", is, c.want)
		}
	}
}

// TestApplyThatChangesNothingSettles: an admission webhook sets another value each time, and applying again does not help.
func TestApplyThatChangesNothingSettles(t *testing.T) {
	desired := plan.Work{Entry: entries.Entry{Namespace: "a", Spec: map[string]any{"serverDnsNames": []any{}}}, Origin: "platform/platform-config"}.Tenant()
	hash, err := apply.Hash(desired)
	if err != nil {
		t.Fatal(err)
	}
	at := func(version string) *v1alpha1.GatewayTenant {
		return &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Namespace: "a", ResourceVersion: version}}
	}
	var c contention
	for i := range 9 { // other versions are due to the status
		version := fmt.Sprint(i + 1)
		if c.isSettled(at(version), hash) {
			t.Errorf("version %s is settled before it was applied to", version)
		}
		c.note(apply.Write{Desired: desired, Live: at(version), Result: at(version)})
		if !c.isSettled(at(version), hash) {
			t.Errorf("version %s is not settled", version)
		}
	}
	if is, _ := c.message("a", time.Now()); is != "" {
		t.Errorf("reported: %s", is)
	}
	c.note(apply.Write{Desired: desired, Live: at("9"), Result: at("10")})
	if c.isSettled(at("9"), hash) || c.isSettled(at("10"), hash) {
		t.Error("settled by an apply that changed the GatewayTenant")
	}
}
