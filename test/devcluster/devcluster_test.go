package devcluster

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

func start(t *testing.T) *Cluster {
	t.Helper()
	c, err := Start(t.Context(), Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func TestServiceAccountHasNoRightsButThoseOfRBAC(t *testing.T) {
	c := start(t)
	cfg, err := c.ServiceAccountConfig(t.Context(), "default", "default")
	if err != nil {
		t.Fatal(err)
	}
	_, err = kubernetes.NewForConfigOrDie(cfg).CoreV1().Secrets("default").List(t.Context(), metav1.ListOptions{})
	if !errors.IsForbidden(err) {
		t.Errorf("listing Secrets as a ServiceAccount without rights: %v; want it forbidden", err)
	}
}

func TestRestartedAPIServerKeepsItsObjects(t *testing.T) {
	c := start(t)
	if _, err := c.Kubectl(t.Context(), "create", "namespace", "kept"); err != nil {
		t.Fatal(err)
	}
	for _, component := range []string{APIServer, Etcd} {
		if err := c.Restart(t.Context(), component); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	for range 50 { // the API server's own clients find etcd again within seconds
		if _, err = c.Kubectl(t.Context(), "get", "namespace", "kept"); err == nil {
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
	t.Error(err)
}

func TestStopLeavesNoProcess(t *testing.T) {
	c := start(t)
	if err := c.Run("second", "containers", "--kubeconfig="+c.Kubeconfig(), "--certgen=none", "--dir="+t.TempDir()); err != nil {
		t.Fatal(err)
	}
	if err := c.Stop(); err != nil {
		t.Fatal(err)
	}
	for name := range c.state.Processes {
		if c.Running(name) {
			t.Errorf("%s still runs", name)
		}
	}
}

// TestKilledParentLeavesNoProcess runs itself in a process of its own, which starts a cluster and is killed.
func TestKilledParentLeavesNoProcess(t *testing.T) {
	const variable = "DEVCLUSTER_TEST_DIR"
	if dir := os.Getenv(variable); dir != "" {
		if _, err := Start(t.Context(), Options{Dir: dir}); err != nil {
			t.Fatal(err)
		}
		fmt.Println("started")
		select {}
	}
	dir := t.TempDir()
	parent := exec.Command(os.Args[0], "-test.run=^TestKilledParentLeavesNoProcess$") //nolint:gosec // this very test
	parent.Env = append(os.Environ(), variable+"="+dir)
	output, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(output); lines.Scan() && !strings.Contains(lines.Text(), "started"); {
	}
	if err := parent.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	s, err := readState(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Processes) != len(s.components()) {
		t.Fatalf("%d processes were recorded, want %d", len(s.Processes), len(s.components()))
	}
	for name, process := range s.Processes {
		if !process.goneWithin(10 * time.Second) {
			t.Errorf("%s outlived its parent", name)
		}
	}
}
