// Package model explores the operator's pure planners exhaustively. In small models of a cluster, it tries every interleaving of the
// steps of a reconcile, the delivery of events, crashes and the edits of other clients. The models call the planners themselves, not
// copies. From every state that can be reached, once the faults stop, the operator must reach the desired state and make no more
// requests.
//
// No planner decides in which order a reconcile applies a tenant's objects, so the model of applies tries every order. The operator's
// own Applier decides each write from what the caches held, and sends it to a server that keeps managedFields as an API server does.
package model
