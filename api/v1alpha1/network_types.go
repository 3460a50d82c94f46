package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Network selects the clients that may reach a gateway. If it sets no field, the gateway has no NetworkPolicy: any client that no
// other NetworkPolicy blocks may connect.
type Network struct {
	// allowedClients are the only clients that may connect to the gateway's port 8080, in addition to the sandboxes of its own
	// namespace. With an empty list, only these sandboxes may connect. Without the field, any client may connect that no other
	// NetworkPolicy blocks. The gateway's own authentication is the same in each case. The selectors in network can have at most
	// 1,000 labels, expressions and values in total.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	AllowedClients []AllowedClient `json:"allowedClients,omitzero"` //nolint:kubeapilinter // an empty list is not the same as none; a rule demands one of two fields

	// metricsClients are the only clients that may connect to the gateway's port 9090, for its metrics. With an empty list, no
	// client may. Without the field, allowedClients may also connect to this port. If allowedClients is not set, every client
	// may connect to port 8080, even if another NetworkPolicy denies it.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	MetricsClients []AllowedClient `json:"metricsClients,omitzero"` //nolint:kubeapilinter // as allowedClients
}

// AllowedClient selects pods by their labels, by those of their namespaces, or by both, as a peer of a NetworkPolicy does.
//
// +kubebuilder:validation:XValidation:rule="has(self.namespaceSelector) || has(self.podSelector)",message="give namespaceSelector, podSelector or both"
type AllowedClient struct {
	// namespaceSelector selects namespaces; an empty one selects all. Without it, it is the gateway's own.
	// +optional
	NamespaceSelector *metav1.LabelSelector `json:"namespaceSelector,omitempty"`

	// podSelector selects pods in these namespaces; without it, or with an empty one, all of them.
	// +optional
	PodSelector *metav1.LabelSelector `json:"podSelector,omitempty"`
}
