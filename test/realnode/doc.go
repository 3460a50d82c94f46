// Package realnode runs a real Kubernetes node on this machine, with a control plane of package devcluster: kubelet,
// kube-proxy and a NetworkPolicy agent, and containerd, runc and CNI plugins from unpacked Debian packages. Pods have
// containers, networks and volumes of their own.
//
// Everything runs in private mount, network, UTS, IPC, PID and cgroup namespaces. A keeper outside of them forwards a port of
// the loopback interface to the API server, and removes everything when the node stops or the process that started it ends.
// It needs root on Linux, and the programs that "make realnode-binaries" builds into bin/.
//
// The processes are, each the parent of the next: the program that called Start; "realnode keep", outside the namespaces;
// "realnode init", their PID 1, which mounts the file systems and reaps orphans; and "realnode run", which starts the
// programs of the node and the control plane and offers a control socket in the node's directory.
package realnode
