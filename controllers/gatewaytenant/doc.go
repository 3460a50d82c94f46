// Package gatewaytenant reconciles GatewayTenants: it observes a tenant, plans, executes the plan and reports the status.
//
// Reconcile, in reconcile.go, shows these steps in order. Packages of their own implement them:
//   - observe reads the state of a tenant's objects. It uses diagnose to explain why a gateway or a Job does not run.
//   - plan decides what to do about the tenant, and makes no requests.
//   - rollout limits how many gateways restart at a time.
//   - status computes the status from the plan and the observed state.
//
// This package has the rest: it watches objects and maps their events to requests (setup.go), executes plans (execute.go), and
// reports Events and metrics. A namespace has one GatewayTenant, whose name is fixed, so every event about a tenant leads to the
// same request.
package gatewaytenant
