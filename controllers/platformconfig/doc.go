// Package platformconfig is the bridge: it keeps a GatewayTenant in the namespace of every entry of the ConfigMap
// platform-config, and knows nothing of what becomes of it.
//
// A pass reads the entries (source.go), compares them with the GatewayTenants and namespaces that there are (plan.go),
// and applies the difference (reconcile.go).
package platformconfig
