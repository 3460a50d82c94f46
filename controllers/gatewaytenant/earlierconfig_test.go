package gatewaytenant

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/diagnose"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

const adoptedConfig = "[openshell.gateway.gateway_jwt]\ngateway_id = 'main'\n"

// TestEarlierConfigIsReadByName: the operator's role does not allow it to list all ConfigMaps of a namespace.
func TestEarlierConfigIsReadByName(t *testing.T) {
	for what, c := range map[string]struct {
		items []corev1.ConfigMap
		err   error
		want  string // "-" means none
	}{
		"it exists":         {[]corev1.ConfigMap{{Data: map[string]string{manifests.ConfigKey: adoptedConfig}}}, nil, adoptedConfig},
		"it has no text":    {[]corev1.ConfigMap{{}}, nil, ""},
		"it does not exist": {nil, nil, "-"},
		"it is not read":    {nil, errors.New("timeout"), "-"},
	} {
		r := &Reconciler{live: interceptor.NewClient(nil, interceptor.Funcs{
			List: func(ctx context.Context, _ client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
				if _, ends := ctx.Deadline(); !ends {
					t.Errorf("%s: the read may take for ever", what)
				}
				var o client.ListOptions
				o.ApplyOptions(options)
				if o.Namespace != "a" || o.FieldSelector.String() != "metadata.name="+manifests.ConfigName {
					t.Errorf("%s: it lists %s in %q", what, o.FieldSelector, o.Namespace)
				}
				list.(*corev1.ConfigMapList).Items = c.items
				return c.err
			},
		})}
		text, err := r.earlierConfig(t.Context(), "a")
		if (err != nil) != (c.err != nil) || (text == nil) != (c.want == "-") || text != nil && *text != c.want {
			t.Errorf("%s: %v, %v", what, text, err)
		}
	}
}

// TestUnreadEarlierConfigKeepsTheStatus: a read that fails says nothing of the gateway.
func TestUnreadEarlierConfigKeepsTheStatus(t *testing.T) {
	before, served := serving(t)
	before.Status = statusOf(before, served)
	failed := func(change func(*v1alpha1.GatewayTenant, *pass)) v1alpha1.GatewayTenantStatus {
		_, p := serving(t)
		gt := before.DeepCopy()
		p.objects, p.certificates, p.err = manifests.Objects{}, certificates.Observed{}, errors.New("reading ConfigMap a/b: timeout")
		change(gt, &p)
		return statusOf(gt, p)
	}
	for what, c := range map[string]struct {
		change                         func(*v1alpha1.GatewayTenant, *pass)
		accepted, available, certReady metav1.ConditionStatus
		ready                          string
	}{
		"the same spec":  {func(*v1alpha1.GatewayTenant, *pass) {}, metav1.ConditionTrue, metav1.ConditionTrue, metav1.ConditionTrue, v1alpha1.ReasonApplyFailed},
		"a changed spec": {func(gt *v1alpha1.GatewayTenant, _ *pass) { gt.Generation++ }, metav1.ConditionTrue, metav1.ConditionUnknown, metav1.ConditionUnknown, v1alpha1.ReasonApplyFailed},
		"a new tenant":   {func(gt *v1alpha1.GatewayTenant, _ *pass) { gt.Status = v1alpha1.GatewayTenantStatus{} }, metav1.ConditionTrue, metav1.ConditionUnknown, metav1.ConditionUnknown, v1alpha1.ReasonApplyFailed},
		"a gateway that has crashed": {func(_ *v1alpha1.GatewayTenant, p *pass) {
			p.seen.statefulSet.Status.ReadyReplicas, p.seen.trouble = 0, diagnose.Problem{Reason: v1alpha1.ReasonCrashLoop, Message: "crashes"}
		}, metav1.ConditionTrue, metav1.ConditionFalse, metav1.ConditionTrue, v1alpha1.ReasonApplyFailed},
		"a spec that was held": {func(gt *v1alpha1.GatewayTenant, _ *pass) {
			set(&gt.Status, no(v1alpha1.ConditionAccepted, v1alpha1.ReasonVersionHeld, "is held"))
		}, metav1.ConditionFalse, metav1.ConditionTrue, metav1.ConditionTrue, v1alpha1.ReasonVersionHeld},
		"a spec that is rejected": {func(_ *v1alpha1.GatewayTenant, p *pass) {
			p.rejected, p.seen = &manifests.RejectedError{Reason: v1alpha1.ReasonInvalidImage}, observed{}
		}, metav1.ConditionFalse, metav1.ConditionTrue, metav1.ConditionTrue, v1alpha1.ReasonInvalidImage},
	} {
		status := failed(c.change)
		for condition, want := range map[string]metav1.ConditionStatus{
			v1alpha1.ConditionAccepted: c.accepted, v1alpha1.ConditionAvailable: c.available, v1alpha1.ConditionCertificatesReady: c.certReady,
		} {
			if is := meta.FindStatusCondition(status.Conditions, condition); is.Status != want {
				t.Errorf("%s: %s is %+v, want %s", what, condition, is, want)
			}
		}
		if ready := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady); ready.Status != metav1.ConditionFalse || ready.Reason != c.ready {
			t.Errorf("%s: %+v, want %s", what, ready, c.ready)
		}
	}
}

// TestUnreadEarlierConfigIsReportedWhenItLasts, so that an upgrade of a busy cluster does not report each tenant.
func TestUnreadEarlierConfigIsReportedWhenItLasts(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	r := &Reconciler{backlog: noBacklog, now: func() time.Time { return now }}
	for _, c := range []struct {
		what   string
		after  time.Duration
		unread bool
		waits  bool
	}{
		{"the first failure", 0, true, true},
		{"one that lasts", readPatience - time.Second, true, true},
		{"one that has lasted", 2 * time.Second, true, false},
		{"a success", 0, false, false},
		{"the next failure", time.Hour, true, true},
	} {
		now = now.Add(c.after)
		_, p := serving(t)
		if p.unread = c.unread; r.waitsForRead("a", p) != c.waits {
			t.Errorf("%s: the status waits: %t, want %t", c.what, !c.waits, c.waits)
		}
	}
	_, down := serving(t)
	down.unread, down.seen.statefulSet.Status.ReadyReplicas = true, 0
	if r.waitsForRead("b", down) {
		t.Error("the status of a gateway that does not serve waits")
	}
}

// TestPlanKeepsWhatTheOperatorKeeps and says what it cannot see.
func TestPlanKeepsWhatTheOperatorKeeps(t *testing.T) {
	platform, err := manifests.NewPlatform("", "certgen:1", []string{"ghcr.io/nvidia/"})
	if err != nil {
		t.Fatal(err)
	}
	gt := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: v1alpha1.Name, UID: "1"}}
	of := func(apiVersion, kind, name string, with map[string]any) *unstructured.Unstructured {
		object := &unstructured.Unstructured{Object: with}
		object.SetAPIVersion(apiVersion)
		object.SetKind(kind)
		object.SetNamespace("a")
		object.SetName(name)
		object.SetLabels(manifests.Labels())
		return object
	}
	claim := of("v1", "PersistentVolumeClaim", manifests.ClaimName, map[string]any{"metadata": map[string]any{"annotations": map[string]any{"openshell.ambient-code.io/highest-version": "0.0.71"}}})
	set := of("apps/v1", "StatefulSet", manifests.GatewayName, map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{
		"containers": []any{map[string]any{"name": manifests.GatewayName, "image": manifests.BuiltinImage}},
	}}}})
	config := of("v1", "ConfigMap", manifests.ConfigName, map[string]any{"data": map[string]any{manifests.ConfigKey: adoptedConfig}})
	for _, c := range []struct {
		what       string
		live       Live
		held       bool
		unsure     bool
		gatewayIDs []string
	}{
		{"the ConfigMap exists", Live{Objects: []*unstructured.Unstructured{claim, set, config}}, false, false, []string{"main"}},
		{"the ConfigMap is missing", Live{Objects: []*unstructured.Unstructured{claim, set}}, true, false, nil},
		{"the ConfigMap cannot be read", Live{Objects: []*unstructured.Unstructured{claim, set}, Unreadable: []string{"ConfigMap"}}, true, true, nil},
		{"there is no gateway", Live{Objects: []*unstructured.Unstructured{}}, false, false, []string{"a"}},
	} {
		f, err := Foresee(gt, c.live, platform, newScheme(t), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if held := f.Rejected != nil && f.Rejected.Reason == v1alpha1.ReasonEarlierConfigUnknown; held != c.held || f.Unknown != c.unsure {
			t.Errorf("%s: it is rejected for %+v, unknown: %v, unsure of %q", c.what, f.Rejected, f.Unknown, f.Unsure)
		}
		var ids []string
		objects, err := Rendered(gt, c.live, platform, time.Now())
		if (err != nil) != c.held {
			t.Errorf("%s: %v", c.what, err)
		}
		for _, object := range objects {
			if object.GetKind() == "ConfigMap" {
				text, _, _ := unstructured.NestedString(object.Object, "data", manifests.ConfigKey)
				_, rest, _ := strings.Cut(text, "gateway_id = '")
				id, _, _ := strings.Cut(rest, "'")
				ids = append(ids, id)
			}
		}
		if !slices.Equal(ids, c.gatewayIDs) {
			t.Errorf("%s: it renders gateway_id %q, want %q", c.what, ids, c.gatewayIDs)
		}
	}
}
