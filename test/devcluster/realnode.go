package devcluster

// RealNode describes a node with a kubelet, which the caller runs. The cluster then has no Node object, kwok or simulated
// containers of its own. It must run in a network namespace of its own, because the API server listens on all addresses.
type RealNode struct {
	// Name is the node's name.
	Name string
	// Address is the node's IP address. Pods reach the API server at it.
	Address string
	// PodCIDR is the range from which pods get their addresses.
	PodCIDR string
	// APIServerPort is the port of the API server.
	APIServerPort int
	// ControllerManagerArgs are further flags of the controller manager, such as --node-monitor-grace-period=10s.
	ControllerManagerArgs []string
	// APIServerArgs are further flags of the API server, such as --default-unreachable-toleration-seconds=5.
	APIServerArgs []string
}

func (n *RealNode) apiServerArgs(s *state) []string {
	return append([]string{
		"--advertise-address=" + n.Address,
		"--authorization-mode=Node,RBAC",
		"--enable-admission-plugins=" + admissionPlugins + ",NodeRestriction",
		"--kubelet-client-certificate=" + s.cert(kubeletClient+".crt"),
		"--kubelet-client-key=" + s.cert(kubeletClient+".key"),
		"--kubelet-certificate-authority=" + s.cert("ca.crt"),
		"--kubelet-preferred-address-types=InternalIP",
	}, n.APIServerArgs...)
}

func (n *RealNode) controllerManagerArgs() []string {
	return append([]string{
		"--allocate-node-cidrs=true",
		"--cluster-cidr=" + n.PodCIDR,
		"--node-cidr-mask-size=24",
	}, n.ControllerManagerArgs...)
}
