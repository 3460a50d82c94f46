//go:build linux

package realnode

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/ambient-code/gatewaytenant-operator/test/devcluster"
)

// tempDir returns a directory for a node, with a name that is short enough for the path of a socket.
func tempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "realnode-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !t.Failed() {
			_ = os.RemoveAll(dir)
		}
	})
	return dir
}

// TestNodeStopsAndLeavesNothing also stops the kubelet and the API server alone and starts them again.
func TestNodeStopsAndLeavesNothing(t *testing.T) {
	before := surroundings(t)
	n, err := Start(t.Context(), Options{Dir: tempDir(t), ControllerManagerArgs: []string{"--node-monitor-grace-period=10s"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Stop() })
	if err := n.StopProgram(t.Context(), devcluster.Kubelet); err != nil {
		t.Fatal(err)
	}
	waitNode(t, n, corev1.ConditionUnknown)
	if err := n.StartProgram(t.Context(), devcluster.Kubelet); err != nil {
		t.Fatal(err)
	}
	waitNode(t, n, corev1.ConditionTrue)
	if err := n.StopProgram(t.Context(), devcluster.APIServer); err != nil {
		t.Fatal(err)
	}
	if _, err := n.Kubectl(t.Context(), "get", "nodes"); err == nil {
		t.Error("the API server answers although it was stopped")
	}
	if err := n.StartProgram(t.Context(), devcluster.APIServer); err != nil {
		t.Fatal(err)
	}
	waitNode(t, n, corev1.ConditionTrue)
	traces := tracesOf(t, n)
	if left := traces.left(t); len(left) < 10 {
		t.Errorf("a running node has only these traces, so the test would not notice any that remain: %v", left)
	}
	if err := n.Stop(); err != nil {
		t.Fatal(err)
	}
	if left := traces.left(t); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	if after := surroundings(t); !slices.Equal(before, after) {
		t.Errorf("before:\n%s\nafter:\n%s", strings.Join(before, "\n"), strings.Join(after, "\n"))
	}
}

// TestKilledStarterLeavesNothing runs itself in a process of its own, which starts a node and is killed.
func TestKilledStarterLeavesNothing(t *testing.T) {
	const variable = "REALNODE_TEST_DIR"
	if dir := os.Getenv(variable); dir != "" {
		if _, err := Start(context.Background(), Options{Dir: dir}); err != nil {
			t.Fatal(err)
		}
		fmt.Println("started")
		select {}
	}
	dir := tempDir(t)
	starter := exec.Command(os.Args[0], "-test.run=^TestKilledStarterLeavesNothing$")
	starter.Env = append(os.Environ(), variable+"="+dir)
	output, err := starter.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := starter.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(output); lines.Scan() && !strings.Contains(lines.Text(), "started"); {
	}
	n, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	traces := tracesOf(t, n)
	if err := starter.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = starter.Wait()
	var left []string
	for range 100 {
		if left = traces.left(t); len(left) == 0 {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Errorf("left 10 s after the starter was killed: %v", left)
}

// waitNode waits until the node's condition Ready has this status.
func waitNode(t *testing.T, n *Node, want corev1.ConditionStatus) {
	t.Helper()
	client := kubernetes.NewForConfigOrDie(n.Config())
	var got corev1.ConditionStatus
	for range 600 {
		is, err := client.CoreV1().Nodes().Get(t.Context(), Name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, condition := range is.Status.Conditions {
			if condition.Type == corev1.NodeReady {
				got = condition.Status
			}
		}
		if got == want {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("the node is Ready=%s after a minute, want %s", got, want)
}

// traces identify the processes, cgroups and port of a node.
type traces struct {
	namespaces []string // such as pid:[4026532268]
	cgroup     string   // the name of its cgroups
	port       string   // of the keeper's listener
}

func tracesOf(t *testing.T, n *Node) traces {
	t.Helper()
	is := traces{cgroup: fmt.Sprintf("realnode-%d", n.state.Keeper), port: strings.TrimPrefix(n.Config().Host, "https://")}
	for _, kind := range []string{"cgroup", "ipc", "mnt", "net", "pid", "uts"} {
		id, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", n.state.Init, kind))
		if err != nil {
			t.Fatal(err)
		}
		if own, err := os.Readlink("/proc/self/ns/" + kind); err != nil || own == id {
			t.Fatalf("the node shares the %s namespace with this process: %v", kind, err)
		}
		is.namespaces = append(is.namespaces, id)
	}
	return is
}

// left returns the processes in the namespaces of a node, its cgroups and its port, as far as they still exist.
func (s traces) left(t *testing.T) []string {
	t.Helper()
	var left []string
	processes, err := filepath.Glob("/proc/[0-9]*/ns/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range processes {
		if id, err := os.Readlink(link); err == nil && slices.Contains(s.namespaces, id) {
			left = append(left, link)
		}
	}
	err = filepath.WalkDir(cgroupRoot, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && entry.Name() == s.cgroup {
			left = append(left, path)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil // Others remove cgroups, too.
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if conn, err := net.Dial("tcp", s.port); err == nil {
		_ = conn.Close()
		left = append(left, s.port)
	}
	return left
}

// surroundings returns the state of this machine that a faulty node could change: mounts, network interfaces, settings of
// the kernel, and directories that its programs use.
func surroundings(t *testing.T) []string {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Split(string(mounts), "\n")
	interfaces, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range interfaces {
		all = append(all, one.Name)
	}
	for name := range kernelSettings {
		value, err := os.ReadFile("/proc/sys/" + name)
		all = append(all, fmt.Sprint(name, string(value), err))
	}
	for _, dir := range []string{
		"/etc/cni", "/opt/cni", "/run/containerd", "/usr/libexec/kubernetes",
		"/var/lib/containerd", "/var/lib/kubelet", "/var/lib/cni", "/var/log/pods",
	} {
		_, err := os.Stat(dir)
		all = append(all, fmt.Sprint(dir, " ", err))
	}
	slices.Sort(all)
	return all
}
