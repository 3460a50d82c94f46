// Package model explores the operator's pure planners exhaustively: small worlds in which every interleaving of a pass's
// steps, of the delivery of events, of crashes and of others' edits is tried, with the planners themselves and not a copy
// of them. From every state that can be reached, once the faults stop, the operator must come to the wanted state and be
// silent there.
//
// The order in which a pass applies a tenant's objects is not a planner's: it is code that makes requests. So the model of
// applies has no order. It lets a pass make its writes in every order, each decided by the operator's own Applier on what
// the caches held, against a server that keeps managedFields as an API server does.
package model
