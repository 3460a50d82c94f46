package gatewaytenant

import (
	"errors"
	"maps"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/cache/informertest"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/plan"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/rollout"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// oneSlot returns a single slot, which knows one StatefulSet.
func oneSlot(t *testing.T, set *appsv1.StatefulSet) *rollout.Slots {
	t.Helper()
	queue := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
	t.Cleanup(queue.ShutDown)
	slots, cache := rollout.New(100, func() int { return 1 }), &informertest.FakeInformers{}
	source := slots.Source(cache)
	if err := errors.Join(source.Start(t.Context(), queue), source.WaitForSync(t.Context())); err != nil {
		t.Fatal(err)
	}
	informer, err := cache.FakeInformerFor(t.Context(), &appsv1.StatefulSet{})
	if err != nil {
		t.Fatal(err)
	}
	informer.Add(set)
	return slots
}

// TestPlanOccupiesASlot uses a gateway that an update of the platform restarted.
func TestPlanOccupiesASlot(t *testing.T) {
	broken := func(s *appsv1.StatefulSetStatus) { s.ReadyReplicas = 0 }
	starting := func(s *appsv1.StatefulSetStatus) { s.UpdateRevision, s.ReadyReplicas = "new", 0 }
	for _, test := range []struct {
		name       string
		change     func(*appsv1.StatefulSetStatus)
		nextUpdate bool
		// occupied reports whether the gateway occupies the slot, and withoutSecrets whether it does while a Secret is missing.
		occupied, withoutSecrets bool
	}{
		{"it starts", starting, false, true, true},
		{"its change was not observed", func(s *appsv1.StatefulSetStatus) { s.ObservedGeneration = 0 }, false, true, true},
		{"it is broken", broken, false, true, true},
		{"it serves", func(*appsv1.StatefulSetStatus) {}, false, false, false},
		{"it starts and another update follows", starting, true, true, true},
		{"it is broken and another update follows", broken, true, false, false},
		{"it serves and another update follows", func(*appsv1.StatefulSetStatus) {}, true, true, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			tenant := newTenant()
			p, set := servingPlan(t, tenant)
			set.Namespace, set.UID = tenant.Namespace, "set"
			set.Annotations["openshell.ambient-code.io/rollout"] = "platform"
			set.ManagedFields = []metav1.ManagedFieldsEntry{{
				Manager: manifests.Manager, Operation: metav1.ManagedFieldsOperationApply, FieldsType: "FieldsV1",
				FieldsV1: metav1.NewFieldsV1(`{"f:metadata":{"f:annotations":{"f:` + apply.AnnotationHash + `":{}}}}`),
			}}
			maps.Copy(set.Annotations, p.Objects.Gateway.GetAnnotations())
			restarted, err := manifests.Render(p.Tenant, manifests.RenderInput{NamespaceUID: "2", TokenKey: "3", Gateway: set.Annotations})
			if err != nil {
				t.Fatal(err)
			}
			if set.Annotations[apply.AnnotationHash], err = apply.Hash(restarted.Gateway); err != nil {
				t.Fatal(err)
			}
			if test.nextUpdate {
				set.Annotations[apply.AnnotationHash] = "another"
			}
			test.change(&set.Status)
			check := func(name string, change func(*plan.Input), occupied bool) {
				t.Run(name, func(t *testing.T) {
					in := plan.Input{
						GatewayTenant: tenant.DeepCopy(), Tenant: p.Tenant, Platform: testPlatform(t), Now: time.Unix(1_800_000_000, 0),
						Observed:     &observe.Observed{NamespaceUID: "2", StatefulSet: set},
						Certificates: &certificates.Observed{Complete: true, TokenKeyID: "3"},
						Comparer:     apply.NewComparer(clientgoscheme.Scheme, manifests.Manager, apply.Exclusive),
					}
					change(&in)
					r := &Reconciler{memory: memory{slots: oneSlot(t, set)}}
					if got := r.plan(in); got.Incomplete != nil {
						t.Fatal(got.Incomplete)
					}
					if got := !r.slots.Request("another"); got != occupied {
						t.Errorf("it occupies the slot: %t, want %t", got, occupied)
					}
				})
			}
			check("complete", func(*plan.Input) {}, test.occupied)
			check("without its Secrets", func(in *plan.Input) { in.Certificates.Complete = false }, test.withoutSecrets)
			check("a backup is being restored", func(in *plan.Input) { in.Observed.Restoring = true }, false)
			check("suspended", func(in *plan.Input) { in.GatewayTenant.Spec.Suspend = true }, false)
			check("rejected", func(in *plan.Input) { in.Rejected = &manifests.RejectedError{} }, false)
		})
	}
}

// TestOutdatedStatefulSetKeepsItsSlot reconciles a tenant whose StatefulSet was applied in a slot, before the cache shows that.
func TestOutdatedStatefulSetKeepsItsSlot(t *testing.T) {
	d := newDiagnosis(t)
	set := d.sets.objects[d.gt.Namespace].(*appsv1.StatefulSet)
	set.ResourceVersion = "5"
	d.r.slots, d.r.platform, d.r.evaluations = oneSlot(t, set), testPlatform(t), &evaluationCache{}
	d.r.comparer = apply.NewComparer(clientgoscheme.Scheme, manifests.Manager, apply.Exclusive)
	d.gt.Spec.Suspend = true // the plan would not need a slot
	if !d.r.slots.Request(d.gt.Namespace) {
		t.Fatal("no slot is free")
	}
	desired := d.plan.Objects.Gateway
	d.r.history.now = d.r.now
	d.r.history.note(apply.Write{Desired: desired, Live: set, Result: &metav1.ObjectMeta{ResourceVersion: "6"}})
	in, retry := d.r.converge(t.Context(), d.gt, &metav1.PartialObjectMetadata{})
	if in.Plan != nil || in.Err != nil || retry != outdatedRetry || d.r.slots.Request("another") {
		t.Errorf("a plan was made from the outdated StatefulSet: %t, error %v; the next reconcile is after %s", in.Plan != nil, in.Err, retry)
	}
	d.clock = d.clock.Add(writtenGrace) // as after a restore of etcd from a backup
	if in, _ = d.r.converge(t.Context(), d.gt, &metav1.PartialObjectMetadata{}); in.Plan == nil {
		t.Error("no plan is made as long as the cache is outdated")
	}
}
