package gatewaytenant

import (
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/plan"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/status"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

func testPlatform(t *testing.T) manifests.Platform {
	t.Helper()
	platform, err := manifests.NewPlatform("", "certgen:1", []string{"ghcr.io/nvidia/"})
	if err != nil {
		t.Fatal(err)
	}
	return platform
}

// TestUnchangedSpecIsEvaluatedOnce changes the spec without a new generation, which an API server never does, to find out whether it
// is evaluated again.
func TestUnchangedSpecIsEvaluatedOnce(t *testing.T) {
	const invalid = "a = 1"
	for name, c := range map[string]struct {
		change func(*v1alpha1.GatewayTenant, *evaluationCache)
		again  bool
	}{
		"nothing": {func(*v1alpha1.GatewayTenant, *evaluationCache) {}, false},
		"the status": {func(gt *v1alpha1.GatewayTenant, _ *evaluationCache) {
			gt.Status.Image, gt.ResourceVersion = "x", "7"
		}, false},
		"another tenant is deleted": {func(_ *v1alpha1.GatewayTenant, cache *evaluationCache) { cache.forget("tenant-b") }, false},
		"the generation":            {func(gt *v1alpha1.GatewayTenant, _ *evaluationCache) { gt.Generation++ }, true},
		"the uid":                   {func(gt *v1alpha1.GatewayTenant, _ *evaluationCache) { gt.UID = "2" }, true},
		"a rotation": {func(gt *v1alpha1.GatewayTenant, _ *evaluationCache) {
			gt.Annotations[v1alpha1.AnnotationRotateTLS] = "2"
		}, true},
		"a confirmation": {func(gt *v1alpha1.GatewayTenant, _ *evaluationCache) {
			gt.Annotations[v1alpha1.AnnotationConfirmVersion] = "0.0.71"
		}, true},
		"an annotation is removed": {func(gt *v1alpha1.GatewayTenant, _ *evaluationCache) {
			delete(gt.Annotations, v1alpha1.AnnotationRotateTLS)
		}, true},
		"the tenant is deleted": {func(_ *v1alpha1.GatewayTenant, cache *evaluationCache) { cache.forget("tenant-a") }, true},
	} {
		for first, second := range map[string]string{"": invalid, invalid: ""} {
			t.Run(fmt.Sprintf("%s, the first spec is valid: %t", name, first == ""), func(t *testing.T) {
				gt := newTenant()
				gt.Annotations = map[string]string{v1alpha1.AnnotationRotateTLS: "1"}
				gt.Spec.Config = first
				cache := &evaluationCache{}
				_, err := cache.evaluate(gt, testPlatform(t))
				if (err == nil) != (first == "") {
					t.Fatal(err)
				}
				gt.Spec.Config = second
				c.change(gt, cache)
				_, err = cache.evaluate(gt, testPlatform(t))
				if again := (err == nil) != (first == ""); again != c.again {
					t.Errorf("the spec is evaluated again: %t, want %t", again, c.again)
				}
			})
		}
	}
}

// TestSpecIsEvaluatedAgainForAnotherVolume: the volume decides which image a tenant without one runs.
func TestSpecIsEvaluatedAgainForAnotherVolume(t *testing.T) {
	gt, cache := newTenant(), &evaluationCache{}
	old := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{"openshell.ambient-code.io/highest-version": "0.0.71"}}}
	for _, c := range []struct {
		claim *corev1.PersistentVolumeClaim
		want  string
	}{{nil, "0.0.111"}, {old, "0.0.87"}, {nil, "0.0.111"}} {
		tenant, err := cache.evaluate(gt, testPlatform(t).For(gt, manifests.Volume{Claim: c.claim}))
		if err != nil || tenant.Version.String() != c.want {
			t.Errorf("with the claim %v, the version is %s (%v), want %s", c.claim, tenant.Version, err, c.want)
		}
	}
}

// TestReconcileDoesNotModifyAnEvaluation expects equal objects from each reconcile, since they share the evaluated tenant.
func TestReconcileDoesNotModifyAnEvaluation(t *testing.T) {
	gt := newTenant()
	gt.Spec.ServerDNSNames = []string{"b.example.com", "*.a.example.com", "192.0.2.1"}
	gt.Spec.Network.AllowedClients = []v1alpha1.AllowedClient{{PodSelector: &metav1.LabelSelector{
		MatchLabels:      map[string]string{"a": "b"},
		MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "c", Operator: metav1.LabelSelectorOpIn, Values: []string{"z", "y"}}},
	}}}
	gt.Spec.Config = "[openshell.drivers.docker]\nx = 1\n"
	cache, observed := &evaluationCache{}, &observe.Observed{NamespaceUID: "2", SandboxAPIs: []string{"v1beta1"}, Objects: map[observe.Ref]metav1.Object{}}
	comparer := apply.NewComparer(scheme.Scheme, manifests.Manager)
	var first manifests.Objects
	for i := range 3 {
		tenant, err := cache.evaluate(gt, testPlatform(t))
		if err != nil {
			t.Fatal(err)
		}
		p := plan.Make(plan.Input{GatewayTenant: gt, Tenant: tenant, Platform: testPlatform(t), Observed: observed, Comparer: comparer, Now: time.Unix(1, 0)})
		if p.Rejected != nil || p.Incomplete != nil {
			t.Fatal(p.Rejected, p.Incomplete)
		}
		status.Compute(status.Input{GatewayTenant: gt, Observed: observed, Plan: p, Err: errors.New("conflict")})
		if i == 0 {
			first = p.Objects
		}
		if diff := cmp.Diff(first, p.Objects); diff != "" {
			t.Fatalf("reconcile %d renders other objects: %s", i+1, diff)
		}
	}
}

// TestEvaluationCacheIsSmall expects at most 30 MiB for 10,000 tenants.
func TestEvaluationCacheIsSmall(t *testing.T) {
	const tenants, most = 2000, 3 << 10
	heap := func() uint64 {
		var stats runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	cache, platform := &evaluationCache{}, testPlatform(t)
	before := heap()
	for i := range tenants {
		namespace := fmt.Sprintf("tenant-%d", i)
		gt := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.Name, Namespace: namespace, UID: types.UID(namespace), Generation: 1}}
		if _, err := cache.evaluate(gt, platform); err != nil {
			t.Fatal(err)
		}
	}
	each := (heap() - before) / tenants
	t.Logf("%d bytes per tenant", each)
	if each > most {
		t.Errorf("a default tenant takes %d bytes, want %d at most", each, most)
	}
	for i := range tenants {
		cache.forget(fmt.Sprintf("tenant-%d", i))
	}
	if len(cache.byNamespace) > 0 {
		t.Error("deleted tenants are kept")
	}
}
