// Package attack runs the operator as its Deployment does, as a process of its own under the Deployment's memory limit,
// while other clients of the cluster write objects that are meant to exhaust its memory or its time: a tenant's
// configuration, Events, pods, Jobs, ConfigMaps, labels and annotations of the largest sizes that the API server accepts.
//
// The operator must keep running, its memory must stay below a bound (mostMemory), and a new tenant in another namespace
// must become Ready in about its usual time. Each attack is measured by itself, and then all of them together, also after
// a restart of the operator with everything still in place.
package attack
