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

// maxSelectorTerms bounds the labels, expressions and values in all selectors of spec.network together. The API bounds the
// number of clients only, and each term costs time whenever the spec is evaluated.
const maxSelectorTerms = 1000

// checkNetwork rejects selectors that the API server would reject in a NetworkPolicy, and those that are too large.
func checkNetwork(network v1alpha1.Network) error {
	terms := 0
	for _, client := range network.AllowedClients {
		terms += selectorTerms(client.NamespaceSelector) + selectorTerms(client.PodSelector)
	}
	if terms > maxSelectorTerms {
		return reject(v1alpha1.ReasonInvalidNetwork, "spec.network.allowedClients", "",
			"has %d labels, expressions and values in its selectors, and %d are allowed; select clients by fewer labels", terms, maxSelectorTerms)
	}
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

// selectorTerms returns the number of labels, expressions and values of a selector.
func selectorTerms(selector *metav1.LabelSelector) int {
	if selector == nil {
		return 0
	}
	terms := len(selector.MatchLabels) + len(selector.MatchExpressions)
	for _, expression := range selector.MatchExpressions {
		terms += len(expression.Values)
	}
	return terms
}

// checkSelector returns the first fault of a selector. Labels are checked one by one, in order: a message that varies would
// be written to the status again and again. So are values: the error about several takes time quadratic in their number.
func checkSelector(selector *metav1.LabelSelector) error {
	if selector == nil {
		return nil
	}
	for _, label := range slices.Sorted(maps.Keys(selector.MatchLabels)) {
		if _, err := metav1.LabelSelectorAsSelector(&metav1.LabelSelector{MatchLabels: map[string]string{label: selector.MatchLabels[label]}}); err != nil {
			return err
		}
	}
	for _, expression := range selector.MatchExpressions {
		if err := checkExpression(expression); err != nil {
			return err
		}
	}
	return nil
}

func checkExpression(expression metav1.LabelSelectorRequirement) error {
	check := func(values []string) error {
		one := metav1.LabelSelectorRequirement{Key: expression.Key, Operator: expression.Operator, Values: values}
		_, err := metav1.LabelSelectorAsSelector(&metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{one}})
		return err
	}
	if len(expression.Values) == 0 {
		return check(nil)
	}
	for i := range expression.Values {
		if check(expression.Values[i:i+1]) != nil {
			return check(expression.Values[:i+1]) // one fault, with its index
		}
	}
	return nil
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
