package platformconfig

import (
	"reflect"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/entries"
	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/plan"
)

// invalid returns the error of the API server about fields.
func invalid(fields ...string) error {
	var errs field.ErrorList
	for _, name := range fields {
		errs = append(errs, field.Invalid(field.NewPath(name), "x", "must be otherwise"))
	}
	return apierrors.NewInvalid(schema.GroupKind{Kind: "GatewayTenant"}, v1alpha1.Name, errs)
}

func TestFaultsAreThoseOfInvalidFields(t *testing.T) {
	for what, c := range map[string]struct {
		err  error
		want []plan.Fault
	}{
		"two fields":      {invalid("spec.storage.size", "spec.image"), []plan.Fault{{Field: "spec.storage.size", Message: `Invalid value: "x": must be otherwise`}, {Field: "spec.image", Message: `Invalid value: "x": must be otherwise`}}},
		"no field":        {invalid(), nil},
		"another failure": {apierrors.NewServiceUnavailable("busy"), nil},
		"no error":        {nil, nil},
	} {
		if is := faultsOf(c.err); !reflect.DeepEqual(is, c.want) {
			t.Errorf("%s: %v, want %v", what, is, c.want)
		}
	}
}

// TestRejectedApplyIsNotSentAgain until the entry, the GatewayTenant or, perhaps, the API server's rules change.
func TestRejectedApplyIsNotSentAgain(t *testing.T) {
	now := time.Now()
	work := func(name string) *plan.Work {
		return &plan.Work{Entry: entries.Entry{Namespace: "a", Spec: map[string]any{"serverDnsNames": []any{name}}}}
	}
	entry, other := work("a.example.com"), work("other.example.com")
	tenant, changed := &v1alpha1.GatewayTenant{}, &v1alpha1.GatewayTenant{}
	changed.Generation++
	var rejections rejections
	for i, c := range []struct {
		entry  *plan.Work
		tenant *v1alpha1.GatewayTenant
		err    error
		at     time.Duration
		sent   bool
	}{
		{entry, tenant, invalid("spec"), 0, true}, {entry, tenant, invalid("spec"), time.Second, false}, {entry, changed, invalid("spec"), time.Second, true},
		{other, tenant, apierrors.NewServiceUnavailable("busy"), time.Second, true}, {other, tenant, nil, time.Second, true}, {other, tenant, nil, time.Second, true},
		{entry, nil, invalid("spec"), time.Second, true}, {entry, nil, nil, time.Second, false}, {entry, nil, nil, 6 * time.Minute, true},
	} {
		rejections.expire(now.Add(c.at))
		sent := false
		_ = rejections.unlessRejected(c.entry.Tenant(), c.tenant, now.Add(c.at), func() error { sent = true; return c.err })
		if sent != c.sent {
			t.Errorf("%d: sent %v, want %v", i, sent, c.sent)
		}
	}
	if rejections.expire(now.Add(time.Hour)); len(rejections.errs) > 0 {
		t.Errorf("%d are remembered for ever", len(rejections.errs))
	}
}
