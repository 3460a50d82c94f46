package sandboxpods

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Quotas are the ResourceQuotas of a namespace that reject pods with containers that have neither requests nor limits.
type Quotas struct {
	// Names are the names of these ResourceQuotas, sorted. It is empty if there is none.
	Names []string
	// Resources are the resources that they limit and for which containers get no default, sorted.
	Resources []string
}

// A ResourceQuota on one of these resources rejects pods in which not each container sets it. Other resources are only counted.
var (
	requests = map[corev1.ResourceName]corev1.ResourceName{
		corev1.ResourceCPU: corev1.ResourceCPU, corev1.ResourceRequestsCPU: corev1.ResourceCPU,
		corev1.ResourceMemory: corev1.ResourceMemory, corev1.ResourceRequestsMemory: corev1.ResourceMemory,
	}
	limits = map[corev1.ResourceName]corev1.ResourceName{
		corev1.ResourceLimitsCPU: corev1.ResourceCPU, corev1.ResourceLimitsMemory: corev1.ResourceMemory,
	}
)

// ReadQuotas reads which ResourceQuotas of a namespace reject the pods of sandboxes.
func ReadQuotas(ctx context.Context, from client.Reader, namespace string) (Quotas, error) {
	var quotas corev1.ResourceQuotaList
	var ranges corev1.LimitRangeList
	if err := errors.Join(from.List(ctx, &quotas, client.InNamespace(namespace)), from.List(ctx, &ranges, client.InNamespace(namespace))); err != nil {
		return Quotas{}, fmt.Errorf("reading ResourceQuotas and LimitRanges of namespace %s: %w", namespace, err)
	}
	return QuotasThatReject(quotas.Items, ranges.Items), nil
}

// QuotasThatReject returns which ResourceQuotas of a namespace reject pods with containers that have neither requests nor limits, in
// the presence of the namespace's LimitRanges.
func QuotasThatReject(quotas []corev1.ResourceQuota, ranges []corev1.LimitRange) Quotas {
	is, defaults := Quotas{}, defaultsOf(ranges)
	for i := range quotas {
		quota := &quotas[i]
		selects, unlessBestEffort := selectsSandboxes(quota)
		if !selects || unlessBestEffort && len(defaults.Default)+len(defaults.DefaultRequest) == 0 {
			continue
		}
		missing := missingDefaults(quota, defaults)
		if len(missing) > 0 {
			is.Names = append(is.Names, quota.Name)
			is.Resources = append(is.Resources, missing...)
		}
	}
	slices.Sort(is.Names)
	slices.Sort(is.Resources)
	is.Resources = slices.Compact(is.Resources)
	return is
}

// missingDefaults returns the resources of a quota that containers do not get by default.
func missingDefaults(quota *corev1.ResourceQuota, defaults corev1.LimitRangeItem) []string {
	var missing []string
	for name := range quota.Spec.Hard {
		request, isRequest := requests[name]
		limit, isLimit := limits[name]
		_, requested := defaults.DefaultRequest[request]
		_, limited := defaults.Default[limit]
		if isRequest && !requested || isLimit && !limited {
			missing = append(missing, string(name))
		}
	}
	return missing
}

// defaultsOf returns the defaults on CPU and memory that LimitRanges give containers. The values are zero.
func defaultsOf(ranges []corev1.LimitRange) corev1.LimitRangeItem {
	var byLimit, byRequest []corev1.ResourceName
	for i := range ranges {
		for _, item := range ranges[i].Spec.Limits {
			if item.Type != corev1.LimitTypeContainer {
				continue
			}
			for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
				if _, has := item.Default[name]; has { // the API server makes it the default of the request, too
					byLimit, byRequest = append(byLimit, name), append(byRequest, name)
				}
				if _, has := item.DefaultRequest[name]; has {
					byRequest = append(byRequest, name)
				}
			}
		}
	}
	return corev1.LimitRangeItem{Type: corev1.LimitTypeContainer, Default: namesOnly(byLimit), DefaultRequest: namesOnly(byRequest)}
}

// selectsSandboxes reports whether the scopes of a quota select the pods of sandboxes, and whether they do so only if the pods are not
// of the class BestEffort, which they are unless they get a default or their user sets something. Scopes of other kinds count as if they
// did not: the pods have no deadline (Terminating) and no affinity to other namespaces, and which priority they get is not known.
func selectsSandboxes(quota *corev1.ResourceQuota) (selects, unlessBestEffort bool) {
	scopes := slices.Clone(quota.Spec.Scopes)
	if selector := quota.Spec.ScopeSelector; selector != nil {
		for _, expression := range selector.MatchExpressions {
			scopes = append(scopes, expression.ScopeName)
		}
	}
	for _, scope := range scopes {
		switch scope {
		case corev1.ResourceQuotaScopeNotTerminating:
		case corev1.ResourceQuotaScopeNotBestEffort:
			unlessBestEffort = true
		default:
			return false, false
		}
	}
	return true, unlessBestEffort
}

// keepQuota keeps what QuotasThatReject needs of a ResourceQuota.
func keepQuota(object any) (any, error) {
	quota, is := object.(*corev1.ResourceQuota)
	if !is {
		return object, nil
	}
	kept := &corev1.ResourceQuota{ObjectMeta: keptMetadata(quota)}
	selects, unlessBestEffort := selectsSandboxes(quota)
	if !selects {
		return kept, nil
	}
	if unlessBestEffort {
		kept.Spec.Scopes = notBestEffort
	}
	var names []corev1.ResourceName
	for name := range quota.Spec.Hard {
		if requests[name] != "" || limits[name] != "" {
			names = append(names, name)
		}
	}
	kept.Spec.Hard = namesOnly(names)
	return kept, nil
}

var notBestEffort = []corev1.ResourceQuotaScope{corev1.ResourceQuotaScopeNotBestEffort}

// keepLimitRange keeps what QuotasThatReject needs of a LimitRange.
func keepLimitRange(object any) (any, error) {
	limitRange, is := object.(*corev1.LimitRange)
	if !is {
		return object, nil
	}
	kept := &corev1.LimitRange{ObjectMeta: keptMetadata(limitRange)}
	if defaults := defaultsOf([]corev1.LimitRange{*limitRange}); len(defaults.Default)+len(defaults.DefaultRequest) > 0 {
		kept.Spec.Limits = []corev1.LimitRangeItem{defaults}
	}
	return kept, nil
}

func keptMetadata(object metav1.Object) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: object.GetNamespace(), Name: object.GetName(), ResourceVersion: object.GetResourceVersion()}
}

// lists are the results of namesOnly, which many objects share: there are 64 of them at most.
var lists sync.Map

// namesOnly returns a list with these names, all of which are on CPU or memory, and zero as their values. It must not be modified.
func namesOnly(names []corev1.ResourceName) corev1.ResourceList {
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	list, key := corev1.ResourceList{}, strings.Builder{}
	for _, name := range slices.Compact(names) {
		list[name] = resource.Quantity{}
		key.WriteString(string(name) + " ")
	}
	same, _ := lists.LoadOrStore(key.String(), list)
	return same.(corev1.ResourceList)
}
