// Package devcluster runs a real Kubernetes control plane, and nothing else, on this machine: etcd, kube-apiserver,
// kube-controller-manager and kube-scheduler from one binary, kwok for the node and the volumes, and the program in
// containers for what a kubelet and its containers would do. Tests start one and it ends with them; a developer starts
// a detached one that stays until it is stopped.
//
// It makes no mock of anything that Kubernetes itself does: admission, garbage collection, Jobs, StatefulSets, RBAC and
// tokens are the real ones. Everything listens on the loopback interface only.
package devcluster
