// Package suite tests the operator, as its image and the kind overlay deploy it, on a real node: pods have a kubelet,
// containers, volumes with fsGroup and NetworkPolicies that are enforced. All tests share one node, so each uses namespaces of
// its own.
package suite
