// Package platformconfig is the bridge: it keeps a GatewayTenant in the namespace of every entry of the ConfigMap
// platform-config. It does not depend on the controller that reconciles GatewayTenants.
//
// A reconcile goes one way: entries reads the ConfigMaps, plan compares them with the GatewayTenants and namespaces that
// exist, this package applies and removes what is planned, and report renders the result. Only this package makes requests.
package platformconfig
