// Package plan decides what the operator does for one tenant. From the spec and the observed state, Make computes all steps until
// nothing is left to do. It makes no requests. The reconciler executes the steps that wait for nothing, and makes a new plan after the
// next event. kubectl gatewaytenant plan prints the same steps.
package plan
