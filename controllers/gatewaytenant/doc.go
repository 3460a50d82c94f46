// Package gatewaytenant turns GatewayTenants into gateways and reports how they fare.
//
// One pass over a tenant reads top to bottom in reconcile.go: the GatewayTenant is checked (manifests.NewTenant), what
// is there is observed (observe.go), what should be there is rendered (manifests.Render), the difference is applied
// (converge.go), and the status follows from all of that (status.go). Every event about a tenant leads to one and the
// same pass, since a namespace has one GatewayTenant of a fixed name.
package gatewaytenant
