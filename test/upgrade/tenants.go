package main

import (
	_ "embed"
	"fmt"

	"sigs.k8s.io/yaml"
)

// The ways in which a tenant is created.
const (
	byEntry    = "entry"    // by an entry of platform-config
	byHand     = "hand"     // by a GatewayTenant
	byAdoption = "adoption" // by a GatewayTenant in a namespace with the gateway of an earlier control plane
)

// tenant is one tenant of the exercise.
type tenant struct {
	Name  string // of its namespace
	By    string
	Fails bool // its gateway is not expected to become Ready
	Spec  map[string]any
}

//go:embed tenants.yaml
var tenantsYAML []byte

// readTenants returns the first tenants of tenants.yaml; 0 means all.
func readTenants(count int) ([]tenant, error) {
	var tenants []tenant
	if err := yaml.UnmarshalStrict(tenantsYAML, &tenants); err != nil {
		return nil, fmt.Errorf("tenants.yaml: %w", err)
	}
	if count < 0 || count > len(tenants) {
		return nil, fmt.Errorf("%d tenants: the number must be between 1 and %d, or 0 for all", count, len(tenants))
	}
	if count == 0 {
		return tenants, nil
	}
	return tenants[:count], nil
}

// entries returns platform-config's list of the tenants that are created by an entry.
func entries(tenants []tenant) (string, error) {
	list := []map[string]any{}
	for _, t := range tenants {
		if t.By == byEntry {
			list = append(list, map[string]any{"name": t.Name, "gateway": t.Spec})
		}
	}
	text, err := yaml.Marshal(list)
	return string(text), err
}
