//go:build linux

package realnode

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/ambient-code/gatewaytenant-operator/test/devcluster"
)

// Containerd is the name of the program that runs containers, for logs.
const Containerd = "containerd"

// Addresses of the node's network.
const (
	address        = "10.87.0.1"    // of the node
	podRange       = "10.88.0.0/16" // of all nodes; only one exists
	nodePodRange   = "10.88.0.0/24" // of its pods
	services       = "10.96.0.0/16" // of devcluster
	pauseReference = "realnode.invalid/pause:1"
)

// machine runs the programs of a node, in its namespaces.
type machine struct {
	settings
	began   time.Time
	cluster *devcluster.Cluster
	client  kubernetes.Interface
}

// Run starts everything in the namespaces and serves the control socket until the process is killed.
func Run(dir string, port int) error {
	s, err := readSettings(dir)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	m := &machine{settings: s, began: time.Now()}
	if err := m.startAll(ctx, port); err != nil {
		return err
	}
	listener, err := listenControl(dir)
	if err != nil {
		return err
	}
	return serveControl(listener, m)
}

// report prints a line of progress with the time since the start.
func (m *machine) report(progress string) {
	fmt.Printf("%5.1f s  %s\n", time.Since(m.began).Seconds(), progress)
}

func (m *machine) path(elements ...string) string {
	return filepath.Join(append([]string{m.Dir}, elements...)...)
}

// startAll returns when pods can run.
func (m *machine) startAll(ctx context.Context, port int) error {
	if err := m.writeConfiguration(); err != nil {
		return err
	}
	if err := m.setUpNetwork(ctx); err != nil {
		return err
	}
	m.report("namespaces, mounts, cgroups and network are set up")
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error { return m.startContainerd(groupCtx) })
	group.Go(func() error { return m.startCluster(groupCtx, port) })
	if err := group.Wait(); err != nil {
		return err
	}
	for _, name := range []string{devcluster.Kubelet, devcluster.KubeProxy} {
		if err := m.start(ctx, name); err != nil {
			return err
		}
	}
	if err := m.createVolumes(ctx); err != nil {
		return err
	}
	if err := m.wait(ctx, m.nodeExists); err != nil {
		return err
	}
	if err := m.start(ctx, devcluster.NetworkPolicyAgent); err != nil {
		return err
	}
	if err := m.wait(ctx, m.nodeReady); err != nil {
		return err
	}
	m.report("the node is Ready")
	return nil
}

// setUpNetwork gives the node an address and a route to Services, and lets it forward packets of pods.
func (m *machine) setUpNetwork(ctx context.Context) error {
	for _, args := range [][]string{
		{"link", "set", "lo", "up"},
		{"link", "add", "realnode", "type", "bridge"}, // It has no ports: it only holds the address.
		{"address", "add", address + "/32", "dev", "realnode"},
		{"link", "set", "realnode", "up"},
		{"route", "add", services, "dev", "realnode"},
	} {
		if out, err := exec.CommandContext(ctx, "ip", args...).CombinedOutput(); err != nil {
			return fmt.Errorf("ip %v: %w: %s", args, err, out)
		}
	}
	return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644)
}

// startContainerd starts containerd and imports the images.
func (m *machine) startContainerd(ctx context.Context) error {
	log, err := os.Create(m.path("logs", Containerd+".log"))
	if err != nil {
		return err
	}
	defer log.Close()
	containerd := exec.Command("containerd", "--config", m.path("etc", "containerd.toml"))
	containerd.Stdout, containerd.Stderr = log, log
	if err := containerd.Start(); err != nil {
		return err
	}
	if err := m.wait(ctx, func(ctx context.Context) error { return exec.CommandContext(ctx, "ctr", "version").Run() }); err != nil {
		return fmt.Errorf("containerd: %w; the end of %s:\n%s", err, log.Name(), devcluster.LastLines(log.Name(), 15))
	}
	m.report("containerd is ready")
	if out, err := exec.CommandContext(ctx, "ctr", importArgs(m.path(imagesFile))...).CombinedOutput(); err != nil {
		return fmt.Errorf("importing images: %w: %s", err, out)
	}
	m.report("images are imported")
	return nil
}

// startCluster starts the control plane.
func (m *machine) startCluster(ctx context.Context, port int) error {
	var err error
	m.cluster, err = devcluster.Start(ctx, devcluster.Options{
		Dir: m.Dir, BinDir: m.BinDir, First: m.First,
		RealNode: &devcluster.RealNode{
			Name: Name, Address: address, PodCIDR: podRange, APIServerPort: port,
			APIServerArgs: m.APIServerArgs, ControllerManagerArgs: m.ControllerManagerArgs,
		},
	})
	if err != nil {
		return err
	}
	m.report("the control plane is ready")
	m.client, err = kubernetes.NewForConfig(m.cluster.Config())
	return err
}

// start starts a program of the node, or a component of the control plane again.
func (m *machine) start(ctx context.Context, name string) error {
	kubeconfig := "--kubeconfig=" + m.path("certs", name+".kubeconfig")
	args := map[string][]string{
		devcluster.Kubelet: {
			"--config=" + m.path("etc", "kubelet.yaml"), kubeconfig, "--node-ip=" + address, "--hostname-override=" + Name,
		},
		devcluster.KubeProxy:          {"--config=" + m.path("etc", "kube-proxy.yaml")},
		devcluster.NetworkPolicyAgent: {kubeconfig, "--hostname-override=" + Name, "--service-cluster-ip-range=" + services},
	}
	if args[name] == nil {
		return m.cluster.Restart(ctx, name)
	}
	return m.cluster.Run(name, "devcluster", args[name]...)
}

func (m *machine) stop(name string) error { return m.cluster.Kill(name) }

// wait calls check until it succeeds.
func (m *machine) wait(ctx context.Context, check func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w; last: %w", context.Cause(ctx), err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (m *machine) nodeExists(ctx context.Context) error {
	_, err := m.client.CoreV1().Nodes().Get(ctx, Name, metav1.GetOptions{})
	return err
}

func (m *machine) nodeReady(ctx context.Context) error {
	node, err := m.client.CoreV1().Nodes().Get(ctx, Name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	ready := slices.ContainsFunc(node.Status.Conditions, func(condition corev1.NodeCondition) bool {
		return condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue
	})
	if !ready || len(node.Spec.Taints) > 0 {
		return errors.New("the node is not ready; see logs/kubelet.log")
	}
	return nil
}
