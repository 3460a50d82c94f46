// Command containers stands in for the kubelet and the containers of a development cluster, which has no container
// runtime. It does as little as it can and reports it in a kubelet's words:
//
//   - certgen pods run the real certgen program, as a process with the pod's arguments, environment and token;
//   - gateway pods become ready if everything that they mount exists and their gateway.toml would start, as far as the
//     gateway's own contract tells;
//   - all other pods are running and ready.
//
// The root of a volume belongs to root, as after a mount with fsGroup; to the gateway's user if the claim has the annotation
// devcluster.invalid/root-owner: gateway. A gateway that cannot create its key-encryption key there ends with the words of a
// real one.
//
// An image tag that ends in -never-pulls, -crashes or -hangs does that.
package main
