package gatewaytenant

import (
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
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

func isAccepted(err error) bool { return err == nil }

// TestUnchangedSpecIsEvaluatedOnce changes the spec behind the cache's back, which an API server never does, to see whether
// it is evaluated again.
func TestUnchangedSpecIsEvaluatedOnce(t *testing.T) {
	const invalid = "a = 1"
	for name, c := range map[string]struct {
		change func(*v1alpha1.GatewayTenant, *evaluationCache)
		again  bool
	}{
		"nothing":        {func(*v1alpha1.GatewayTenant, *evaluationCache) {}, false},
		"status":         {func(gt *v1alpha1.GatewayTenant, _ *evaluationCache) { gt.Status.Image = "x"; gt.ResourceVersion = "7" }, false},
		"another tenant": {func(_ *v1alpha1.GatewayTenant, cache *evaluationCache) { cache.forget("tenant-b") }, false},
		"generation":     {func(gt *v1alpha1.GatewayTenant, _ *evaluationCache) { gt.Generation++ }, true},
		"uid":            {func(gt *v1alpha1.GatewayTenant, _ *evaluationCache) { gt.UID = "2" }, true},
		"rotation": {func(gt *v1alpha1.GatewayTenant, _ *evaluationCache) {
			gt.Annotations[v1alpha1.AnnotationRotateTLS] = "2"
		}, true},
		"confirmation": {func(gt *v1alpha1.GatewayTenant, _ *evaluationCache) {
			gt.Annotations[v1alpha1.AnnotationConfirmVersion] = "0.0.71"
		}, true},
		"annotation is removed": {func(gt *v1alpha1.GatewayTenant, _ *evaluationCache) {
			delete(gt.Annotations, v1alpha1.AnnotationRotateTLS)
		}, true},
		"tenant was gone": {func(_ *v1alpha1.GatewayTenant, cache *evaluationCache) { cache.forget("tenant-a") }, true},
	} {
		for _, first := range []string{"", invalid} {
			gt, _ := testTenant(t)
			gt.Annotations = map[string]string{v1alpha1.AnnotationRotateTLS: "1"}
			gt.Spec.Config = first
			cache := &evaluationCache{}
			_, err := cache.evaluate(gt, testPlatform(t))
			if isAccepted(err) != (first == "") {
				t.Fatal(err)
			}
			gt.Spec.Config = map[string]string{"": invalid, invalid: ""}[first]
			c.change(gt, cache)
			_, err = cache.evaluate(gt, testPlatform(t))
			if isNew := isAccepted(err) != (first == ""); isNew != c.again {
				t.Errorf("%s, first %q: evaluated again: %t, want %t", name, first, isNew, c.again)
			}
		}
	}
}

// TestReconcileDoesNotChangeAnEvaluation: later reconciles use the same Tenant.
func TestReconcileDoesNotChangeAnEvaluation(t *testing.T) {
	gt, _ := testTenant(t)
	gt.Spec.ServerDNSNames = []string{"b.example.com", "*.a.example.com", "192.0.2.1"}
	gt.Spec.Network.AllowedClients = []v1alpha1.AllowedClient{{PodSelector: &metav1.LabelSelector{
		MatchLabels:      map[string]string{"a": "b"},
		MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "c", Operator: metav1.LabelSelectorOpIn, Values: []string{"z", "y"}}},
	}}}
	gt.Spec.Config = "[openshell.drivers.docker]\nx = 1\n"
	cache, cluster := &evaluationCache{}, manifests.RenderInput{NamespaceUID: "2", TokenKey: "3"}
	var first manifests.Objects
	for i := range 3 {
		var p pass
		p.check(gt, &metav1.PartialObjectMetadata{}, testPlatform(t), cache)
		objects, err := manifests.Render(p.tenant, cluster)
		if err != nil {
			t.Fatal(err)
		}
		p.certificates = certificates.Inspect(nil, wanted(p.tenant), time.Unix(1, 0))
		p.objects, p.err = objects, errors.New("conflict")
		statusOf(gt, p)
		if i == 0 {
			first = objects
		}
		if diff := cmp.Diff(first, objects); diff != "" {
			t.Fatalf("reconcile %d renders something else: %s", i+1, diff)
		}
	}
}

// TestEvaluationCacheIsSmall: 10,000 tenants are 30 MiB at most.
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
		t.Error("tenants that are gone are kept")
	}
}
