package sandboxpods

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func listOf(names ...corev1.ResourceName) corev1.ResourceList {
	list := corev1.ResourceList{}
	for _, name := range names {
		list[name] = resource.MustParse("1")
	}
	return list
}

// quota returns a ResourceQuota on these resources.
func quota(name string, hard ...corev1.ResourceName) corev1.ResourceQuota {
	return corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Namespace: "tenant-a", Name: name, ResourceVersion: "1"}, Spec: corev1.ResourceQuotaSpec{Hard: listOf(hard...)}}
}

func scoped(quota corev1.ResourceQuota, scopes ...corev1.ResourceQuotaScope) corev1.ResourceQuota {
	quota.Spec.Scopes = scopes
	return quota
}

func selecting(quota corev1.ResourceQuota, scope corev1.ResourceQuotaScope, operator corev1.ScopeSelectorOperator, values ...string) corev1.ResourceQuota {
	quota.Spec.ScopeSelector = &corev1.ScopeSelector{MatchExpressions: []corev1.ScopedResourceSelectorRequirement{{ScopeName: scope, Operator: operator, Values: values}}}
	return quota
}

// defaults returns a LimitRange as the API server stores it, which gives a default limit as the default request, too.
func defaults(limits, requests []corev1.ResourceName) corev1.LimitRange {
	item := corev1.LimitRangeItem{Type: corev1.LimitTypeContainer, Default: listOf(limits...), DefaultRequest: listOf(slices.Concat(limits, requests)...)}
	return corev1.LimitRange{
		ObjectMeta: metav1.ObjectMeta{Namespace: "tenant-a", Name: "defaults", ResourceVersion: "1"},
		Spec:       corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{{Type: corev1.LimitTypePod, Max: listOf("cpu")}, item}},
	}
}

type names = []corev1.ResourceName

var both = names{"cpu", "memory"}

// quotaCases are namespaces, and the ResourceQuotas in them that reject sandboxes.
var quotaCases = []struct {
	name   string
	quotas []corev1.ResourceQuota
	ranges []corev1.LimitRange
	want   Quotas
}{
	{"none", nil, nil, Quotas{}},
	{"no quota on CPU or memory", []corev1.ResourceQuota{quota("a", "pods", "count/jobs.batch", "requests.storage", "requests.nvidia.com/gpu", "ephemeral-storage")}, nil, Quotas{}},
	{"requests", []corev1.ResourceQuota{quota("a", "requests.cpu", "requests.memory")}, nil, Quotas{[]string{"a"}, []string{"requests.cpu", "requests.memory"}}},
	{"requests by their short names", []corev1.ResourceQuota{quota("a", "cpu", "memory", "pods")}, nil, Quotas{[]string{"a"}, []string{"cpu", "memory"}}},
	{"limits", []corev1.ResourceQuota{quota("b", "limits.cpu"), quota("a", "limits.memory", "limits.cpu")}, nil, Quotas{[]string{"a", "b"}, []string{"limits.cpu", "limits.memory"}}},
	{"all has defaults", []corev1.ResourceQuota{quota("a", "cpu", "requests.memory", "limits.cpu", "limits.memory")}, []corev1.LimitRange{defaults(both, nil)}, Quotas{}},
	{"defaults of two LimitRanges", []corev1.ResourceQuota{quota("a", "cpu", "memory")}, []corev1.LimitRange{defaults(names{"cpu"}, nil), defaults(nil, names{"memory"})}, Quotas{}},
	{"a default request is no default limit", []corev1.ResourceQuota{quota("a", "requests.cpu", "limits.cpu")}, []corev1.LimitRange{defaults(nil, both)}, Quotas{[]string{"a"}, []string{"limits.cpu"}}},
	{"one default is missing", []corev1.ResourceQuota{quota("a", "cpu"), quota("b", "memory")}, []corev1.LimitRange{defaults(names{"cpu"}, nil)}, Quotas{[]string{"b"}, []string{"memory"}}},
	{"defaults of another resource", []corev1.ResourceQuota{quota("a", "cpu")}, []corev1.LimitRange{defaults(names{"ephemeral-storage"}, nil)}, Quotas{[]string{"a"}, []string{"cpu"}}},
	{"a LimitRange of pods", []corev1.ResourceQuota{quota("a", "cpu")}, []corev1.LimitRange{{Spec: corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{{Type: corev1.LimitTypePod, Default: listOf("cpu")}}}}}, Quotas{[]string{"a"}, []string{"cpu"}}},
	{"pods without a deadline", []corev1.ResourceQuota{scoped(quota("a", "cpu"), corev1.ResourceQuotaScopeNotTerminating)}, nil, Quotas{[]string{"a"}, []string{"cpu"}}},
	{"pods with a deadline", []corev1.ResourceQuota{scoped(quota("a", "cpu"), corev1.ResourceQuotaScopeTerminating)}, nil, Quotas{}},
	{"pods that set something", []corev1.ResourceQuota{scoped(quota("a", "cpu", "memory"), corev1.ResourceQuotaScopeNotBestEffort, corev1.ResourceQuotaScopeNotTerminating)}, nil, Quotas{}},
	{"pods that get a default", []corev1.ResourceQuota{scoped(quota("a", "cpu", "memory"), corev1.ResourceQuotaScopeNotBestEffort)}, []corev1.LimitRange{defaults(names{"cpu"}, nil)}, Quotas{[]string{"a"}, []string{"memory"}}},
	{"pods of a priority", []corev1.ResourceQuota{selecting(quota("a", "cpu"), corev1.ResourceQuotaScopePriorityClass, corev1.ScopeSelectorOpIn, "high")}, nil, Quotas{}},
	{"pods without a deadline, by a selector", []corev1.ResourceQuota{selecting(quota("a", "cpu"), corev1.ResourceQuotaScopeNotTerminating, corev1.ScopeSelectorOpExists)}, nil, Quotas{[]string{"a"}, []string{"cpu"}}},
}

func TestQuotasThatReject(t *testing.T) {
	for _, c := range quotaCases {
		if diff := cmp.Diff(c.want, QuotasThatReject(c.quotas, c.ranges)); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

// TestCachedQuotas: what the cache keeps decides as the objects do, also if it is reduced twice, and does not change with what is used.
func TestCachedQuotas(t *testing.T) {
	for _, c := range quotaCases {
		var quotas []corev1.ResourceQuota
		for _, q := range c.quotas {
			q.Annotations, q.Status = map[string]string{"a": "b"}, corev1.ResourceQuotaStatus{Used: q.Spec.Hard, Hard: q.Spec.Hard}
			kept := *reduced(t, keepQuota, &q)
			if kept.Name == "" || kept.Namespace == "" || kept.ResourceVersion == "" || len(kept.Annotations)+len(kept.Status.Hard)+len(kept.Status.Used) > 0 {
				t.Errorf("%s: the cache has %+v", c.name, kept)
			}
			quotas = append(quotas, kept)
		}
		var ranges []corev1.LimitRange
		for _, r := range c.ranges {
			ranges = append(ranges, *reduced(t, keepLimitRange, &r))
		}
		if diff := cmp.Diff(c.want, QuotasThatReject(quotas, ranges)); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

// reduced returns what a cache keeps of an object, after it was reduced twice.
func reduced[T any](t *testing.T, keep func(any) (any, error), object T) T {
	t.Helper()
	once, err := keep(object)
	if err != nil {
		t.Fatal(err)
	}
	twice, err := keep(once)
	if err != nil {
		t.Fatal(err)
	}
	return twice.(T)
}
