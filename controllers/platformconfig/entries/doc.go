// Package entries reads the entries of platform-config: a YAML list of {name, gateway}, where gateway is the spec of a
// GatewayTenant. It is pure: it checks an entry as far as that is possible without a cluster.
package entries
