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
	"github.com/ambient-code/gatewaytenant-operator/manifests/message"
)

// maxSelectorTerms bounds the labels, expressions and values in all selectors of spec.network together. The API bounds the
// number of clients only, and each term costs time whenever the spec is evaluated.
const maxSelectorTerms = 1000

// checkNetwork rejects selectors that the API server would reject in a NetworkPolicy, and those that are too large.
func checkNetwork(network v1alpha1.Network) []*RejectedError {
	lists := []clientList{{"spec.network.allowedClients", network.AllowedClients}, {"spec.network.metricsClients", network.MetricsClients}}
	terms := 0
	for _, list := range lists {
		for _, client := range list.clients {
			terms += selectorTerms(client.NamespaceSelector) + selectorTerms(client.PodSelector)
		}
	}
	if terms > maxSelectorTerms {
		return []*RejectedError{reject(v1alpha1.ReasonInvalidNetwork, "spec.network", "",
			"has %d labels, expressions and values in its selectors, and %d are allowed; select clients by fewer labels", terms, maxSelectorTerms)}
	}
	return append(lists[0].check(), lists[1].check()...)
}

// clientList is a field of spec.network.
type clientList struct {
	field   string
	clients []v1alpha1.AllowedClient
}

func (l clientList) check() (errs []*RejectedError) {
	for i, client := range l.clients {
		for _, one := range []struct {
			name     string
			selector *metav1.LabelSelector
		}{{"namespaceSelector", client.NamespaceSelector}, {"podSelector", client.PodSelector}} {
			if err := checkSelector(one.selector); err != nil {
				field := fmt.Sprintf("%s[%d].%s", l.field, i, one.name)
				errs = append(errs, reject(v1alpha1.ReasonInvalidNetwork, field, "", "cannot be used: %s", message.TruncateMiddle(err.Error())))
			}
		}
	}
	return errs
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

// Ports of the gateway for which a tenant may name clients.
const (
	clientPort  = 8080
	metricsPort = 9090
)

// needsClientsPolicy reports whether spec.network sets a list of clients, which may be empty. Otherwise the gateway must have no
// ingress policy: a policy would cut off clients that the operator does not know.
func needsClientsPolicy(network v1alpha1.Network) bool {
	return network.AllowedClients != nil || network.MetricsClients != nil
}

// clientsPolicy admits sandboxes, and the clients that the tenant names. If the tenant names clients of the metrics only, the
// other port stays open to all.
func clientsPolicy(network v1alpha1.Network) *networkingv1.NetworkPolicyApplyConfiguration {
	policy := template[networkingv1.NetworkPolicyApplyConfiguration]("networkpolicy-clients")
	admit := func(clients []v1alpha1.AllowedClient, ports ...int32) {
		if len(clients) > 0 { // a rule without peers would admit all
			policy.Spec.WithIngress(ingressRule(ports...).WithFrom(peers(clients)...))
		}
	}
	switch {
	case network.MetricsClients == nil:
		admit(network.AllowedClients, clientPort, metricsPort)
		return policy
	case network.AllowedClients == nil:
		policy.Spec.WithIngress(ingressRule(clientPort))
	default:
		admit(network.AllowedClients, clientPort)
	}
	admit(network.MetricsClients, metricsPort)
	return policy
}

// ingressRule returns a rule for TCP ports that admits all peers.
func ingressRule(ports ...int32) *networkingv1.NetworkPolicyIngressRuleApplyConfiguration {
	rule := networkingv1.NetworkPolicyIngressRule()
	for _, port := range ports {
		rule.WithPorts(networkingv1.NetworkPolicyPort().WithProtocol(corev1.ProtocolTCP).WithPort(intstr.FromInt32(port)))
	}
	return rule
}

func peers(clients []v1alpha1.AllowedClient) []*networkingv1.NetworkPolicyPeerApplyConfiguration {
	var all []*networkingv1.NetworkPolicyPeerApplyConfiguration
	for _, client := range clients {
		peer := networkingv1.NetworkPolicyPeer()
		peer.NamespaceSelector, peer.PodSelector = selector(client.NamespaceSelector), selector(client.PodSelector)
		all = append(all, peer)
	}
	return all
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
