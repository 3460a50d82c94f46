// Package leader holds what several replicas of the operator need: how long the leader's Lease lasts, and a fence that
// stops writes of a replica whose Lease has expired.
package leader

import "time"

// What leader election may do.
//
// +kubebuilder:rbac:groups=coordination.k8s.io,namespace=gatewaytenant-system,resources=leases,verbs=create
// +kubebuilder:rbac:groups=coordination.k8s.io,namespace=gatewaytenant-system,resources=leases,resourceNames=gatewaytenant-operator,verbs=get;update
// +kubebuilder:rbac:groups="",namespace=gatewaytenant-system,resources=events,verbs=create

// The times of leader election. If a leader is killed, a standby takes over within LeaseDuration and two retries. Client-go
// makes each retry up to 2.2 times as long as RetryPeriod, and a standby may have seen the last renewal late.
const (
	LeaseDuration = 8 * time.Second
	RenewDeadline = 5 * time.Second
	RetryPeriod   = 1500 * time.Millisecond
)
