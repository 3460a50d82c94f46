// Package manifests renders all objects of a tenant. It is pure: it has no access to a cluster, a clock or files. Equal inputs
// give equal bytes, and inputs are never modified.
//
// The way through it has two steps. [NewTenant] checks a GatewayTenant against the platform's settings and returns a
// [Tenant], so that later steps need not check again. [Render] turns a Tenant into objects: the YAML under gateway/ has what
// all tenants have in common, and the Go code beside it adds the differences.
//
// Where to change what: probes, ports, resources and security contexts in gateway/*.yaml; the keys and defaults of gateway.toml
// in gatewaytoml; names and labels in names.go. The golden files under testdata/ show the result.
package manifests
