// Package v1alpha1 is the API of the operator: the GatewayTenant, its conditions and their reasons.
//
// One GatewayTenant asks for one OpenShell gateway in its own namespace. Lists in this API are atomic: whoever sets
// a list owns all of it.
//
// +kubebuilder:object:generate=true
// +groupName=openshell.ambient-code.io
package v1alpha1
