// Package observe reads the state of a tenant in the cluster: from caches that hold the tenant's objects by name and no others and,
// only to explain why something does not run, from the API server. For kubectl gatewaytenant, it makes the same Observed from
// objects that were read one by one.
package observe
