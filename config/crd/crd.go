// Package crd holds the CustomResourceDefinition of GatewayTenants, for programs that check against it without a cluster.
package crd

import _ "embed" // of the file below

// GatewayTenants is the CustomResourceDefinition, as YAML.
//
//go:embed bases/openshell.ambient-code.io_gatewaytenants.yaml
var GatewayTenants []byte
