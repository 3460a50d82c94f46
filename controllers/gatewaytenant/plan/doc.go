// Package plan decides what the operator does for one tenant. Make is pure: from the spec and the observed state it returns all
// steps until nothing is left to do. The reconciler executes the steps that wait for nothing, and makes a new plan after the
// next event. kubectl gatewaytenant plan prints the same steps.
package plan
