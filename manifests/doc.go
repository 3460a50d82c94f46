// Package manifests says what a tenant is made of. It is pure: it knows no cluster, no clock and no file system, equal
// inputs give equal bytes, and inputs are never modified.
//
// The way through it has two steps. [NewTenant] checks a GatewayTenant against the platform's settings and yields a
// [Tenant], which only it can make, so what comes after need not check again. [Render] turns a Tenant into finished
// objects: the YAML under gateway/ holds what every tenant shares, the Go beside it adds what differs.
//
// Where to change what: probes, ports, resources and security contexts in gateway/*.yaml; the defaults of gateway.toml
// in config.go; names and labels in names.go; the golden files under testdata/ show the result.
package manifests
