// Command faults shows that the operator bears faults: on a control plane of its own it runs plans, each a workload with
// one fault at one point of it, and holds what comes of each against the same workload left undisturbed.
//
// A plan's operator runs in this process and reaches the API server through the plan's proxy, which sees every read,
// write and watch, decides in which order concurrent writes go, and does what the plan asks for at its point. Plans have
// a namespace each and run many at a time, so that their waits overlap.
//
// Deliberate bugs of the operator, the canaries, show that a plan which finds nothing could have found something.
package main
