package gatewaytenant

import (
	"context"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/cache/informertest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates/issuer"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/rollout"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

type tenantMetadata struct{ metadata.ResourceInterface }

func (tenantMetadata) Get(context.Context, string, metav1.GetOptions, ...string) (*metav1.PartialObjectMetadata, error) {
	return &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{UID: "1"}}, nil
}

// TestTenantWithAConflictStaysInTheQueueOfSlots: a conflict that does not block its rollout, such as another client's certgen Job,
// must not cost a tenant its place.
func TestTenantWithAConflictStaysInTheQueueOfSlots(t *testing.T) {
	for name, foreignJob := range map[string]bool{"no conflict": false, "another client's Job": true} {
		t.Run(name, func(t *testing.T) {
			now := time.Now().Truncate(time.Second)
			gt := newTenant()
			gt.Annotations = map[string]string{v1alpha1.AnnotationRotateTLS: "x"}
			platform := testPlatform(t)
			tenant, err := manifests.NewTenant(gt, platform)
			if err != nil {
				t.Fatal(err)
			}
			caches, err := observe.NewCaches(newFakeCache, nil)
			if err != nil {
				t.Fatal(err)
			}
			put := func(kind, name string, o client.Object) {
				caches.Children[observe.Ref{Kind: kind, Name: name}].(*fakeCache).put(o)
			}
			secrets := fake.NewClientset().CoreV1().Secrets(gt.Namespace)
			if _, err = issuer.Converge(t.Context(), secrets, issuer.Request{
				Desired: certificates.Desired{Owner: gt.UID, ServerNames: tenant.ServerNames}, Namespace: gt.Namespace, Lifetimes: certificates.DefaultLifetimes, Tenants: tenantMetadata{},
			}, now.Add(-time.Hour)); err != nil {
				t.Fatal(err)
			}
			for _, name := range manifests.SecretNames {
				s, err := secrets.Get(t.Context(), name, metav1.GetOptions{})
				if err != nil {
					t.Fatal(err)
				}
				s.OwnerReferences = []metav1.OwnerReference{manifests.Owner(gt.UID)}
				put("Secret", name, s)
			}
			_, set := servingPlan(t, gt)
			set.UID, set.OwnerReferences = "set", []metav1.OwnerReference{manifests.Owner(gt.UID)}
			put("StatefulSet", manifests.GatewayName, set)
			job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: gt.Namespace, Name: manifests.CertgenName, UID: "job"}}
			job.Status.Conditions = []batchv1.JobCondition{{Type: batchv1.JobComplete, Status: corev1.ConditionTrue}}
			if foreignJob {
				put("Job", manifests.CertgenName, job)
			}
			c := interceptor.NewClient(nil, interceptor.Funcs{
				Get: func(_ context.Context, _ client.WithWatch, key client.ObjectKey, _ client.Object, _ ...client.GetOption) error {
					return notFound(key)
				},
				Apply: func(context.Context, client.WithWatch, runtime.ApplyConfiguration, ...client.ApplyOption) error {
					return nil
				},
				List: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) error { return nil },
			})
			comparer := apply.NewComparer(clientgoscheme.Scheme, manifests.Manager, apply.Exclusive)
			r := &Reconciler{
				Client: c, live: c, comparer: comparer, applier: apply.New(c, comparer), platform: platform, now: func() time.Time { return now },
				memory: memory{evictions: &observe.Evictions{}, evaluations: &evaluationCache{}, slots: rollout.New(10, func() int { return 1 })},
			}
			r.observer = observe.NewObserver(c, c, caches, r.evictions, &backlog{}, r.now)
			requests := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
			defer requests.ShutDown()
			source := r.slots.Source(&informertest.FakeInformers{})
			if err := source.Start(t.Context(), requests); err != nil {
				t.Fatal(err)
			}
			if err := source.WaitForSync(t.Context()); err != nil {
				t.Fatal(err)
			}
			if !r.slots.Request("other") {
				t.Fatal("no slot is free")
			}
			out, _ := r.converge(t.Context(), gt, &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: gt.Namespace, UID: "2"}})
			if !out.Plan.Held || (out.Err != nil) != foreignJob {
				t.Fatalf("held: %t, error: %v", out.Plan.Held, out.Err)
			}
			r.slots.Release("other")
			if requests.Len() != 1 {
				t.Error("the tenant that waits is not reconciled when the slot becomes free")
			}
		})
	}
}
