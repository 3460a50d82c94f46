// Package e2e runs the operator against a real control plane, as its own ServiceAccount with the role that is deployed.
package e2e
