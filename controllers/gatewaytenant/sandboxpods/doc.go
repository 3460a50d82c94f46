// Package sandboxpods finds out what in a cluster rejects the pods of sandboxes although their gateway serves: nodes that do not support
// what the pods demand, and ResourceQuotas. The rules are those of Kubernetes, and no pod is created to try them.
package sandboxpods
