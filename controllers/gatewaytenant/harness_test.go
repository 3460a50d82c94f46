package gatewaytenant

import (
	"context"
	"reflect"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/diagnose"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/plan"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/status"
	"github.com/ambient-code/gatewaytenant-operator/controllers/namedcache"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// fakeCache has objects of one kind and name, by namespace. It returns what the operator's cache keeps of them.
type fakeCache struct {
	cache.Cache
	transform toolscache.TransformFunc
	objects   map[string]client.Object
}

func newFakeCache(_ client.Object, _ string, transform toolscache.TransformFunc, _ namedcache.Namespaces) (cache.Cache, error) {
	return &fakeCache{transform: transform, objects: map[string]client.Object{}}, nil
}

func (c *fakeCache) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	object, exists := c.objects[key.Namespace]
	if !exists {
		return notFound(key)
	}
	kept, err := c.transform(object.DeepCopyObject())
	if err != nil {
		return err
	}
	reflect.ValueOf(into).Elem().Set(reflect.ValueOf(kept).Elem())
	return nil
}

// put sets the object in a namespace.
func (c *fakeCache) put(object client.Object) { c.objects[object.GetNamespace()] = object }

func notFound(key client.ObjectKey) error {
	return apierrors.NewNotFound(schema.GroupResource{Resource: "objects"}, key.Name)
}

// eventServer answers requests for the Events of pods.
type eventServer struct {
	client.Reader
	events []corev1.Event
	err    error
	reads  int
	// busy holds up the requests in the namespace of another tenant. It is nil if none is held up.
	busy chan struct{}
}

func (s *eventServer) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	var o client.ListOptions
	o.ApplyOptions(options)
	if o.Namespace == otherTenant {
		s.busy <- struct{}{} // the request has begun
		s.busy <- struct{}{} // it may end
		return ctx.Err()
	}
	s.reads++
	list.(*corev1.EventList).Items = s.events
	return s.err
}

// backlog has the times that apply while a number of tenants start.
type backlog struct{ tenants int }

func (b *backlog) Grace() time.Duration { return b.extend(diagnose.Grace) }

func (b *backlog) FirstLookup() time.Duration { return b.extend(observe.MinFirstLookup) }

func (b *backlog) extend(base time.Duration) time.Duration {
	return min(base+time.Duration(b.tenants)*250*time.Millisecond, 5*time.Minute)
}

// otherTenant is the namespace of another tenant than the one that a test observes.
const otherTenant = "tenant-b"

// diagnosis observes one tenant while its pod changes, and writes its status.
type diagnosis struct {
	t        *testing.T
	clock    time.Time
	server   *eventServer
	backlog  *backlog
	recorder *events.FakeRecorder
	r        *Reconciler
	sets     *fakeCache
	pods     *fakeCache
	gt       *v1alpha1.GatewayTenant
	plan     *plan.Plan

	again    time.Duration // when the last observation requires another one, zero if it does not
	writes   int           // of the status
	warnings []string      // Events
}

// newDiagnosis begins with a tenant whose gateway serves.
func newDiagnosis(t *testing.T) *diagnosis {
	t.Helper()
	d := &diagnosis{
		t: t, clock: time.Unix(1_800_000_000, 0), server: &eventServer{}, backlog: &backlog{}, recorder: events.NewFakeRecorder(100),
		gt: newTenant(),
	}
	caches, err := observe.NewCaches(newFakeCache, nil)
	if err != nil {
		t.Fatal(err)
	}
	d.sets, d.pods = caches.StatefulSets().(*fakeCache), caches.Pods.(*fakeCache)
	now, evictions := func() time.Time { return d.clock }, &observe.Evictions{}
	cluster := interceptor.NewClient(nil, interceptor.Funcs{
		Get: func(_ context.Context, _ client.WithWatch, key client.ObjectKey, _ client.Object, _ ...client.GetOption) error {
			return notFound(key)
		},
		SubResourcePatch: func(_ context.Context, _ client.Client, _ string, tenant client.Object, _ client.Patch, _ ...client.SubResourcePatchOption) error {
			d.writes++
			d.gt = tenant.(*v1alpha1.GatewayTenant)
			return nil
		},
	})
	d.r = &Reconciler{
		Client: cluster, observer: observe.NewObserver(cluster, d.server, caches, evictions, d.backlog, now),
		events: d.recorder, now: now, memory: memory{evictions: evictions},
	}
	var set *appsv1.StatefulSet
	d.plan, set = servingPlan(t, d.gt)
	set.UID = "set"
	d.sets.put(set)
	d.gt.Status = status.Compute(d.input())
	return d
}

// newTenant returns a GatewayTenant with an empty spec.
func newTenant() *v1alpha1.GatewayTenant {
	return &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.Name, Namespace: "tenant-a", UID: "1", Generation: 3}}
}

// servingPlan returns the plan for a tenant whose certificates are valid, and a StatefulSet that is as planned and serves.
func servingPlan(t *testing.T, tenant *v1alpha1.GatewayTenant) (*plan.Plan, *appsv1.StatefulSet) {
	t.Helper()
	p := &plan.Plan{Certificates: certificates.Observed{Complete: true, NotAfter: time.Unix(1, 0)}}
	var err error
	if p.Tenant, err = manifests.NewTenant(tenant, testPlatform(t)); err != nil {
		t.Fatal(err)
	}
	if p.Objects, err = manifests.Render(p.Tenant, manifests.RenderInput{NamespaceUID: "2", TokenKey: "3"}); err != nil {
		t.Fatal(err)
	}
	hash, err := apply.Hash(p.Objects.Gateway)
	if err != nil {
		t.Fatal(err)
	}
	return p, &appsv1.StatefulSet{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: tenant.Namespace, Name: manifests.GatewayName, Generation: 1, Annotations: map[string]string{apply.AnnotationHash: hash},
		},
		Status: appsv1.StatefulSetStatus{
			ObservedGeneration: 1, Replicas: 1, UpdatedReplicas: 1, ReadyReplicas: 1, CurrentRevision: "r", UpdateRevision: "r",
		},
	}
}

// input observes the tenant without the text of its gateway.toml.
func (d *diagnosis) input() status.Input {
	d.t.Helper()
	observed, err := d.r.observer.Observe(d.t.Context(), d.gt, &metav1.PartialObjectMetadata{})
	if err != nil {
		d.t.Fatal(err)
	}
	return status.Input{GatewayTenant: d.gt, Observed: observed, Plan: d.plan}
}

// observe reconciles after a time with this pod, which is nil if none exists.
func (d *diagnosis) observe(after time.Duration, pod *corev1.Pod) metav1.Condition {
	d.t.Helper()
	d.clock = d.clock.Add(after)
	set := d.sets.objects[d.gt.Namespace].(*appsv1.StatefulSet)
	set.Status.Replicas, set.Status.ReadyReplicas = 0, 0
	delete(d.pods.objects, d.gt.Namespace)
	if pod != nil {
		d.pods.put(pod)
		if set.Status.Replicas = 1; diagnose.IsReady(pod) {
			set.Status.ReadyReplicas = 1
		}
	}
	in := d.input()
	d.again = in.Observed.LookAgain
	if err := d.r.writeStatus(d.t.Context(), d.gt, status.Compute(in)); err != nil {
		d.t.Fatal(err)
	}
	for len(d.recorder.Events) > 0 {
		if event := <-d.recorder.Events; strings.HasPrefix(event, corev1.EventTypeWarning) {
			d.warnings = append(d.warnings, event)
		}
	}
	return *meta.FindStatusCondition(d.gt.Status.Conditions, v1alpha1.ConditionReady)
}

// follow reconciles the same pod whenever the last observation requires it, until a time is over.
func (d *diagnosis) follow(pod *corev1.Pod, until time.Duration) metav1.Condition {
	d.t.Helper()
	end := d.clock.Add(until)
	is := d.observe(0, pod)
	for d.again > 0 && !d.clock.Add(d.again).After(end) {
		is = d.observe(d.again, pod)
	}
	d.clock = end
	return is
}

// expect checks the condition Ready, and that one Warning Event reported it.
func (d *diagnosis) expect(is metav1.Condition, reason string, texts ...string) {
	d.t.Helper()
	if is.Reason != reason {
		d.t.Errorf("Ready has the reason %s, want %s: %s", is.Reason, reason, is.Message)
	}
	for _, text := range texts {
		if !strings.Contains(is.Message, text) {
			d.t.Errorf("Ready has the message %q, want it to contain %q", is.Message, text)
		}
	}
	if len(d.warnings) != 1 || !strings.HasPrefix(d.warnings[0], "Warning "+reason) {
		d.t.Errorf("the Warning Events are %q, want one with the reason %s", d.warnings, reason)
	}
}

// readOtherTenant begins to read the Events of another tenant's pod. The read lasts until the returned function is called.
func (d *diagnosis) readOtherTenant() (end func()) {
	d.t.Helper()
	other := d.gt.DeepCopy()
	other.Namespace = otherTenant
	set, pod := d.sets.objects[d.gt.Namespace].DeepCopyObject().(*appsv1.StatefulSet), d.pod(crashed("Error", 137, ""))
	set.Namespace, pod.Namespace = otherTenant, otherTenant
	set.Status.ReadyReplicas = 0
	d.sets.put(set)
	d.pods.put(pod)
	d.server.busy = make(chan struct{})
	done := make(chan error)
	go func() {
		_, err := d.r.observer.Observe(d.t.Context(), other, &metav1.PartialObjectMetadata{})
		done <- err
	}()
	<-d.server.busy
	return func() {
		<-d.server.busy
		if err := <-done; err != nil {
			d.t.Error(err)
		}
	}
}

// lastPod returns the pod of the last observation.
func (d *diagnosis) lastPod() *corev1.Pod { return d.pods.objects[d.gt.Namespace].(*corev1.Pod) }
