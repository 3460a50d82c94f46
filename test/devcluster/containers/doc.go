// Command containers stands in for the kubelet and the containers of a development cluster, which has no container
// runtime. It does as little as it can and reports it in a kubelet's words:
//
//   - certgen pods run the real certgen program, as a process with the pod's arguments, environment and token;
//   - pods that run the preflight of a gateway's program end as package gateway says;
//   - gateway pods become ready if everything that they mount exists and package gateway says that they start;
//   - all other pods are running and ready.
//
// It records what gateways have left on their volumes: the migrations of the database, and where the
// key-encryption key is. It runs the pods of all nodes. While a node's Ready condition is not true, it does nothing about
// the node's pods, like a kubelet that has stopped.
//
// An image tag that ends in -never-pulls, -crashes or -hangs does that, also for init containers; other init containers
// succeed immediately. With a tag that ends in -rejects, a preflight finds no gateway.toml. Annotations control mounts and failures; see
// controls.go.
package main
