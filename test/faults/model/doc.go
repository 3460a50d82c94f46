// Package model explores the operator's pure planners exhaustively: small worlds in which every interleaving of a pass's
// steps, of the delivery of events, of crashes and of others' edits is tried, with the planners themselves and not a copy
// of them. From every state that can be reached, once the faults stop, the operator must come to the wanted state and be
// silent there.
package model
