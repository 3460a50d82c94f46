// Package faulty stands between an operator and its API server and answers a share of the requests as clusters in
// trouble do: with errors, or not at all, before the request was done or after it.
package faulty
