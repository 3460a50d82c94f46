package devcluster

import (
	"fmt"
	"net"
	"path/filepath"
	"slices"
)

// The processes of a cluster, by the names that Kill and Restart take.
const (
	Etcd              = "etcd"
	APIServer         = "kube-apiserver"
	ControllerManager = "kube-controller-manager"
	Scheduler         = "kube-scheduler"
	Kwok              = "kwok"
	Containers        = "containers"
)

// The programs of a real node, by the names under which a cluster with Options.RealNode has credentials for them.
const (
	Kubelet            = "kubelet"
	KubeProxy          = "kube-proxy"
	NetworkPolicyAgent = "netpol"
)

// kubeletClient is the name under which the API server has its credentials for the kubelet.
const kubeletClient = "kubelet-client"

// NodeName is the node on which every pod runs, unless a test adds others.
const NodeName = "devcluster"

const (
	loopback     = "127.0.0.1"
	serviceRange = "10.96.0.0/16"
)

var serviceIP = net.IPv4(10, 96, 0, 1) // the API server's own Service: the first of serviceRange

// component is one process of a cluster.
type component struct {
	name   string
	binary string                  // in the directory of the binaries; it acts as what name says
	args   func(s *state) []string // depends on nothing else, so that a restarted process is the same again
	env    []string                // beside this process's own
	probe  func(s *state) string   // a URL that answers 200 once the component is ready
}

// controlPlane are the processes of every cluster, each after those that it needs.
var controlPlane = []component{
	{name: Etcd, binary: "devcluster", args: etcdArgs,
		probe: func(s *state) string { return fmt.Sprintf("http://%s/readyz", s.addr(Etcd)) }},
	{name: APIServer, binary: "devcluster", args: apiServerArgs, probe: secureProbe(APIServer, "/readyz")},
	{name: ControllerManager, binary: "devcluster", args: controllerManagerArgs, probe: secureProbe(ControllerManager, "/healthz")},
	{name: Scheduler, binary: "devcluster", args: schedulerArgs, probe: secureProbe(Scheduler, "/readyz")},
}

// simulation are the processes that stand in for a node, its containers and its volumes.
var simulation = []component{
	{name: Kwok, binary: "kwok", args: kwokArgs,
		probe: func(s *state) string { return fmt.Sprintf("http://%s/healthz", s.addr(Kwok)) }},
	{name: Containers, binary: "containers", args: containersArgs,
		probe: func(s *state) string { return fmt.Sprintf("http://%s/readyz", s.addr(Containers)) }},
}

// components returns all processes of the cluster.
func (s *state) components() []component {
	if s.RealNode != nil {
		return controlPlane
	}
	return slices.Concat(controlPlane, simulation)
}

func secureProbe(name, path string) func(*state) string {
	return func(s *state) string { return fmt.Sprintf("https://%s%s", s.addr(name), path) }
}

func etcdArgs(s *state) []string {
	url := "http://" + s.addr(Etcd)
	quota := s.EtcdQuota
	if quota == 0 {
		quota = etcdQuota
	}
	return []string{
		"--data-dir=" + s.etcdData(),
		"--listen-client-urls=" + url,
		"--advertise-client-urls=" + url,
		"--listen-peer-urls=http://" + loopback + ":0", // nobody comes
		"--unsafe-no-fsync",                            // it need not survive the machine, and fsync is slow
		"--auto-compaction-mode=periodic", "--auto-compaction-retention=5m",
		fmt.Sprintf("--quota-backend-bytes=%d", quota),
		"--log-level=warn",
	}
}

func apiServerArgs(s *state) []string {
	args := append(s.serving(APIServer),
		"--etcd-servers=http://"+s.addr(Etcd),
		"--service-cluster-ip-range="+serviceRange,
		"--client-ca-file="+s.cert("ca.crt"),
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file="+s.cert("tokens.key"),
		"--service-account-signing-key-file="+s.cert("tokens.key"),
		"--service-account-extend-token-expiration=false",
		"--allow-privileged=true", // sandboxes are
	)
	if s.RealNode != nil {
		args = append(args, s.RealNode.apiServerArgs(s)...)
	} else {
		args = append(args,
			"--advertise-address="+loopback,
			"--endpoint-reconciler-type=none", // an Endpoints object cannot hold a loopback address
			"--authorization-mode=RBAC",
			"--enable-admission-plugins="+admissionPlugins,
		)
	}
	if s.Audit {
		args = append(args,
			"--audit-policy-file="+filepath.Join(s.Dir, auditPolicyFile),
			"--audit-log-path="+s.auditLog(),
			"--audit-log-maxsize=8192", // MiB; the default would start a second file within a benchmark
		)
	}
	return args
}

// admissionPlugins are those that OpenShift enables in addition to the default ones, so nothing may rely on their absence.
const admissionPlugins = "OwnerReferencesPermissionEnforcement"

func controllerManagerArgs(s *state) []string {
	args := append(append(s.serving(ControllerManager), unlimited...),
		"--kubeconfig="+s.kubeconfig(ControllerManager),
		"--use-service-account-credentials=true", // so that RBAC binds the controllers too
		"--service-account-private-key-file="+s.cert("tokens.key"),
		"--root-ca-file="+s.cert("ca.crt"),
		"--concurrent-statefulset-syncs=20",
		"--concurrent-job-syncs=20",
		"--concurrent-namespace-syncs=50",
		"--concurrent-gc-syncs=30",
		"--concurrent-service-endpoint-syncs=10",
		"--concurrent-serviceaccount-token-syncs=10",
	)
	if s.RealNode != nil {
		return append(args, s.RealNode.controllerManagerArgs()...)
	}
	// A stalled machine, or a test that stops a component, is no reason to give the node up.
	return append(args, "--node-monitor-grace-period=10m")
}

func schedulerArgs(s *state) []string {
	return append(append(s.serving(Scheduler), unlimited...), "--kubeconfig="+s.kubeconfig(Scheduler))
}

// unlimited lifts the clients' limits, or they would be what a benchmark measures. There is nobody to elect.
var unlimited = []string{"--kube-api-qps=1000", "--kube-api-burst=2000", "--leader-elect=false"}

func kwokArgs(s *state) []string {
	return []string{
		"--kubeconfig=" + s.kubeconfig(Kwok),
		"--config=" + filepath.Join(s.Dir, stagesFile),
		"--manage-single-node=" + NodeName,
		"--node-lease-duration-seconds=40",
		"--node-ip=" + loopback,
		"--server-address=" + s.addr(Kwok),
	}
}

func containersArgs(s *state) []string {
	return []string{
		"--kubeconfig=" + s.kubeconfig(Containers),
		"--certgen=" + filepath.Join(s.BinDir, "certgen"),
		"--dir=" + filepath.Join(s.Dir, Containers),
		"--probes=" + s.addr(Containers),
	}
}

// serving are the flags of a component's HTTPS server.
func (s *state) serving(name string) []string {
	address := loopback
	if name == APIServer && s.RealNode != nil {
		address = "0.0.0.0"
	}
	return []string{
		"--bind-address=" + address,
		fmt.Sprintf("--secure-port=%d", s.Ports[name]),
		"--tls-cert-file=" + s.cert("server.crt"),
		"--tls-private-key-file=" + s.cert("server.key"),
	}
}
