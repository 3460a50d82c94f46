// Package status computes the status of a GatewayTenant from its plan and what was observed. It is pure, and nothing that the
// operator applies depends on it.
package status
