//go:build linux

package realnode

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/ambient-code/gatewaytenant-operator/test/devcluster"
	"github.com/ambient-code/gatewaytenant-operator/test/image"
)

// Name is the name of the node.
const Name = "realnode"

// StorageClass is the default class. Its volumes are directories of this machine.
const StorageClass = "devcluster"

// Options configure a node.
type Options struct {
	// Dir holds the files of the node: kubeconfig, logs, volumes, etcd's data. It must not exist or be empty, and must not be
	// below /var or /run, which the node replaces by its own.
	Dir string
	// BinDir holds the binaries. By default it is bin in the nearest parent directory that has a go.mod.
	BinDir string
	// Detached starts a node that outlives this process, until Stop.
	Detached bool
	// First are kustomizations that are applied before the controllers start, as in devcluster.Options.
	First []string
	// Images are imported while the control plane starts.
	Images []image.Image
	// Volumes is the number of volumes of 1 GiB. The default is 40.
	Volumes int
	// SyncFrequency is the kubelet's syncFrequency. Changes of Secrets reach the files of a pod within it. The default is 5 s.
	SyncFrequency time.Duration
	// APIServerArgs and ControllerManagerArgs are further flags, such as --default-unreachable-toleration-seconds=5 and
	// --node-monitor-grace-period=10s.
	APIServerArgs, ControllerManagerArgs []string
	// Progress, if set, receives lines about the start.
	Progress io.Writer
}

// Node is a running node and its control plane.
type Node struct {
	dir, binDir string
	config      *rest.Config
	state       state
	keeper      *exec.Cmd     // nil if another process started it
	stdin       io.Closer     // The keeper ends when it is closed. It is nil if the node is detached.
	ended       chan struct{} // closed when the keeper has ended; nil if another process started it
}

// patience is how long a start may take on a busy machine.
const patience = 4 * time.Minute

// Start starts a node and returns when pods can run on it. If it fails, nothing keeps running; the logs stay.
func Start(ctx context.Context, o Options) (*Node, error) {
	n, err := start(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("starting a real node: %w", err)
	}
	return n, nil
}

func start(ctx context.Context, o Options) (*Node, error) {
	settings, err := prepare(o)
	if err != nil {
		return nil, err
	}
	n := &Node{dir: settings.Dir, binDir: settings.BinDir, ended: make(chan struct{})}
	if err := writeArchive(n.path(imagesFile), append(slices.Clone(o.Images), pauseImage(n.binDir))...); err != nil {
		return nil, err
	}
	if err := n.startKeeper(o.Detached); err != nil {
		return nil, err
	}
	if err := n.waitReady(ctx, o.Progress); err != nil {
		return nil, errors.Join(err, n.Stop())
	}
	return n, nil
}

// startKeeper starts the process that starts the others.
func (n *Node) startKeeper(detached bool) error {
	log, err := os.OpenFile(n.Log(machineLog), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	keeper := exec.Command(filepath.Join(n.binDir, "realnode", "realnode"), "keep", n.dir)
	keeper.Stdout, keeper.Stderr = log, log
	keeper.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // An interrupt at the terminal is for this process only.
	if detached {
		keeper.Args = append(keeper.Args, "detached")
		keeper.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	} else if n.stdin, err = keeper.StdinPipe(); err != nil {
		return err
	}
	if err := keeper.Start(); err != nil {
		return fmt.Errorf("%w; make realnode-binaries builds what it needs", err)
	}
	n.keeper = keeper
	go func() {
		_ = keeper.Wait() // Its log says why it ended.
		close(n.ended)
	}()
	return nil
}

// waitReady copies the machine's log to progress until the control socket answers.
func (n *Node) waitReady(ctx context.Context, progress io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	log, err := os.Open(n.Log(machineLog))
	if err != nil {
		return err
	}
	defer log.Close()
	if progress == nil {
		progress = io.Discard
	}
	for {
		if _, err := io.Copy(progress, log); err != nil {
			return err
		}
		if err := n.control(ctx, "GET", "/ready"); err == nil {
			return n.open()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w; the end of %s:\n%s", context.Cause(ctx), log.Name(), devcluster.LastLines(log.Name(), 20))
		case <-n.ended:
			return fmt.Errorf("it has ended; the end of %s:\n%s", log.Name(), devcluster.LastLines(log.Name(), 20))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Open returns the detached node of dir.
func Open(dir string) (*Node, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	n := &Node{dir: dir}
	if err := n.open(); err != nil {
		return nil, fmt.Errorf("no real node runs in %s: %w", dir, err)
	}
	return n, nil
}

// open reads the files that the processes of the node wrote.
func (n *Node) open() error {
	text, err := os.ReadFile(n.path(stateFile))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &n.state); err != nil {
		return err
	}
	if !n.state.running() {
		return errors.New("it has ended")
	}
	s, err := readSettings(n.dir)
	if err != nil {
		return err
	}
	n.binDir = s.BinDir
	if n.config, err = clientcmd.BuildConfigFromFlags("", n.Kubeconfig()); err != nil {
		return err
	}
	n.config.QPS = -1
	return nil
}

// Stop ends all processes of the node and removes its mounts, networks and cgroups. The files in its directory stay.
func (n *Node) Stop() error {
	switch { // The keeper may have ended already.
	case n.stdin != nil:
		_ = n.stdin.Close()
	case n.keeper != nil:
		_ = n.keeper.Process.Signal(syscall.SIGTERM)
	case n.state.running():
		_ = syscall.Kill(n.state.Keeper, syscall.SIGTERM)
	}
	deadline := time.After(30 * time.Second)
	for {
		select {
		case <-deadline:
			return fmt.Errorf("the real node in %s has not ended after 30 s; see %s", n.dir, n.Log(machineLog))
		case <-n.ended: // never, if it is nil
			return n.leftovers()
		case <-time.After(20 * time.Millisecond):
			if n.ended == nil && !n.state.running() {
				return n.leftovers()
			}
		}
	}
}

// leftovers returns an error that lists the cgroups that the keeper could not remove, if any.
func (n *Node) leftovers() error {
	text, err := os.ReadFile(n.path(leftoversFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return errors.Join(err, fmt.Errorf("not removed: %s", text))
}

// Dir returns the directory of the node's files.
func (n *Node) Dir() string { return n.dir }

// BinDir returns the directory of the binaries.
func (n *Node) BinDir() string { return n.binDir }

// Kubeconfig returns the path of the administrator's kubeconfig. It works inside and outside of the namespaces.
func (n *Node) Kubeconfig() string { return n.path("kubeconfig") }

// Config returns the configuration of a client with all rights and no limits of its own.
func (n *Node) Config() *rest.Config { return rest.CopyConfig(n.config) }

// Log returns the path of a log: of a program of the node, of a component of the control plane, or machine for the start.
func (n *Node) Log(name string) string { return n.path("logs", name+".log") }

// Kubectl runs kubectl with the administrator's kubeconfig and returns its output.
func (n *Node) Kubectl(ctx context.Context, args ...string) (string, error) {
	return devcluster.Kubectl(ctx, n.binDir, n.Kubeconfig(), args...)
}

// Command returns a command that runs a program in the namespaces of the node, with the PATH of its programs, such as ctr.
func (n *Node) Command(ctx context.Context, program string, args ...string) *exec.Cmd {
	enter := []string{fmt.Sprintf("--target=%d", n.state.Init), "--mount", "--net", "--uts", "--ipc", "--pid", "--cgroup", "--", program}
	cmd := exec.CommandContext(ctx, "nsenter", append(enter, args...)...)
	cmd.Env = environment(n.binDir)
	return cmd
}

// Import adds images to those that containerd has.
func (n *Node) Import(ctx context.Context, images ...image.Image) error {
	file, err := os.CreateTemp(n.dir, "images-*.tar")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(file.Name()) }()
	if err := file.Close(); err != nil {
		return err
	}
	if err := writeArchive(file.Name(), images...); err != nil {
		return err
	}
	out, err := n.Command(ctx, "ctr", importArgs(file.Name())...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("importing images: %w: %s", err, out)
	}
	return nil
}

func (n *Node) path(elements ...string) string {
	return filepath.Join(append([]string{n.dir}, elements...)...)
}
