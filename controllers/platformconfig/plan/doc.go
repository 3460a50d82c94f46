// Package plan compares the entries of platform-config with the GatewayTenants and namespaces that exist, and plans what
// the bridge does. It is pure: the bridge executes the plan, and the kubectl plugin prints it.
package plan
