package manifests

import (
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	networkingv1 "k8s.io/client-go/applyconfigurations/networking/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// checkNetwork refuses selectors that the API server would refuse in a NetworkPolicy.
func checkNetwork(network v1alpha1.Network) error {
	for i, client := range network.AllowedClients {
		for _, one := range []struct {
			name     string
			selector *metav1.LabelSelector
		}{{"namespaceSelector", client.NamespaceSelector}, {"podSelector", client.PodSelector}} {
			if err := checkSelector(one.selector); err != nil {
				field := fmt.Sprintf("spec.network.allowedClients[%d].%s", i, one.name)
				return reject(v1alpha1.ReasonInvalidNetwork, field, "", "cannot be used: %s", cut(err.Error()))
			}
		}
	}
	return nil
}

// checkSelector tells the first fault of a selector. Labels are checked one by one, in order: a message that varies would
// be written to the status again and again.
func checkSelector(selector *metav1.LabelSelector) error {
	if selector == nil {
		return nil
	}
	for _, label := range slices.Sorted(maps.Keys(selector.MatchLabels)) {
		if _, err := metav1.LabelSelectorAsSelector(&metav1.LabelSelector{MatchLabels: map[string]string{label: selector.MatchLabels[label]}}); err != nil {
			return err
		}
	}
	_, err := metav1.LabelSelectorAsSelector(&metav1.LabelSelector{MatchExpressions: selector.MatchExpressions})
	return err
}

// clientsPolicy lets in whom the tenant names, for metrics, too, and the sandboxes.
func clientsPolicy(t Tenant) *networkingv1.NetworkPolicyApplyConfiguration {
	rule := networkingv1.NetworkPolicyIngressRule()
	for _, port := range []int32{8080, 9090} {
		rule.WithPorts(networkingv1.NetworkPolicyPort().WithProtocol(corev1.ProtocolTCP).WithPort(intstr.FromInt32(port)))
	}
	for _, client := range t.network.AllowedClients { // at least one: a rule without peers would let everybody in
		peer := networkingv1.NetworkPolicyPeer()
		peer.NamespaceSelector, peer.PodSelector = selector(client.NamespaceSelector), selector(client.PodSelector)
		rule.WithFrom(peer)
	}
	policy := template[networkingv1.NetworkPolicyApplyConfiguration]("networkpolicy-clients")
	policy.Spec.WithIngress(rule)
	return policy
}

func selector(s *metav1.LabelSelector) *metav1ac.LabelSelectorApplyConfiguration {
	if s == nil {
		return nil
	}
	selector := metav1ac.LabelSelector().WithMatchLabels(s.MatchLabels)
	for _, r := range s.MatchExpressions {
		selector.WithMatchExpressions(metav1ac.LabelSelectorRequirement().WithKey(r.Key).WithOperator(r.Operator).WithValues(r.Values...))
	}
	return selector
}
