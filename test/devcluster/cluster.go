package devcluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"k8s.io/client-go/rest"

	"github.com/ambient-code/gatewaytenant-operator/test/devcluster/internal/child"
)

// Options say how a cluster is started.
type Options struct {
	// Dir holds all of the cluster's files: kubeconfig, certificates, logs, etcd's data. It is made if it is missing.
	Dir string
	// BinDir holds the binaries: devcluster, kwok, containers, certgen. By default it is bin beside the nearest go.mod
	// above the working directory.
	BinDir string
	// Detached starts a cluster that outlives this process, until somebody stops it. Otherwise it ends with this
	// process, however that ends.
	Detached bool
	// First are kustomizations that are applied before the controllers start. CRDs belong here whose objects own others:
	// the garbage collector looks for new kinds every 30 s only.
	First []string
	// AuditPolicy, the text of an audit policy, makes the API server write the log at Cluster.AuditLog.
	AuditPolicy string
	// RealNode, if set, replaces the simulated node by one whose kubelet the caller runs.
	RealNode *RealNode
	// Progress, if set, is told what is being waited for.
	Progress io.Writer
}

// Cluster is a running control plane.
type Cluster struct {
	admin    *rest.Config
	launcher *child.Launcher // nil for a detached one
	progress io.Writer

	mu    sync.Mutex // guards state's processes and what is done to them
	state *state
}

// Start starts an empty cluster and returns once it is ready for use. If it fails, nothing of it keeps running; its logs
// stay.
func Start(ctx context.Context, o Options) (*Cluster, error) {
	c, err := newCluster(o)
	if err != nil {
		return nil, fmt.Errorf("starting a cluster: %w", err)
	}
	if err := c.startAll(ctx, o.First); err != nil {
		return nil, errors.Join(fmt.Errorf("starting a cluster: %w", err), c.Stop())
	}
	return c, nil
}

// Open returns the detached cluster of dir. It is an error if not all of it runs; if nothing of it does, there is none.
func Open(dir string) (*Cluster, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	s, err := readState(dir)
	if err != nil {
		return nil, fmt.Errorf("no cluster in %s: %w", dir, err)
	}
	if !s.Detached {
		return nil, fmt.Errorf("the cluster in %s belongs to the process that started it", dir)
	}
	admin, err := s.config(adminUser)
	if err != nil {
		return nil, err
	}
	c := &Cluster{state: s, admin: admin, progress: io.Discard}
	var gone []error
	for _, component := range s.components() {
		if !s.Processes[component.name].running() {
			gone = append(gone, fmt.Errorf("the cluster in %s is not whole: %s does not run; see %s", dir, component.name, s.log(component.name)))
		}
	}
	if len(gone) == len(s.components()) && !slices.ContainsFunc(c.programs(), c.Running) {
		return nil, fmt.Errorf("the cluster in %s has ended", dir)
	}
	return c, errors.Join(gone...)
}

// Dir is where the cluster's files are.
func (c *Cluster) Dir() string { return c.state.Dir }

// BinDir is where the binaries are.
func (c *Cluster) BinDir() string { return c.state.BinDir }

// Kubeconfig is the administrator's kubeconfig.
func (c *Cluster) Kubeconfig() string { return c.state.kubeconfig(adminUser) }

func newCluster(o Options) (*Cluster, error) {
	if o.Dir == "" {
		return nil, errors.New("no directory for its files is given")
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	s := &state{
		Dir: dir, Detached: o.Detached, RealNode: o.RealNode, Audit: o.AuditPolicy != "",
		Processes: map[string]identity{},
	}
	if s.BinDir, err = findBinaries(o.BinDir, s.components()); err != nil {
		return nil, err
	}
	if err := prepare(dir); err != nil {
		return nil, err
	}
	if err := s.takePorts(); err != nil {
		return nil, err
	}
	c := &Cluster{progress: o.Progress, state: s}
	if c.progress == nil {
		c.progress = io.Discard
	}
	if err := c.writeFiles(o.AuditPolicy); err != nil {
		return nil, err
	}
	if !o.Detached {
		c.launcher = child.NewLauncher()
	}
	return c, nil
}

// writeFiles writes what the processes read.
func (c *Cluster) writeFiles(auditPolicy string) (err error) {
	s := c.state
	if err := s.writeCertificates(); err != nil {
		return err
	}
	if err := s.writeKubeconfigs(); err != nil {
		return err
	}
	if c.admin, err = s.config(adminUser); err != nil {
		return err
	}
	objects, files := simulatedObjects, map[string][]byte{stagesFile: stages}
	if s.RealNode != nil {
		objects, files = realNodeObjects, map[string][]byte{}
	}
	files[objectsFile] = slices.Concat(objects, []byte("---\n"), sandboxCRD)
	if s.Audit {
		files[auditPolicyFile] = []byte(auditPolicy)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(s.Dir, name), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// findBinaries returns the directory of the binaries, after it has checked that those of the components exist.
func findBinaries(dir string, components []component) (string, error) {
	dir, err := BinDir(dir)
	if err != nil {
		return "", err
	}
	var missing []string
	for _, component := range components {
		if _, err := os.Stat(filepath.Join(dir, component.binary)); err != nil && !slices.Contains(missing, component.binary) {
			missing = append(missing, component.binary)
		}
	}
	if len(missing) > 0 {
		return "", fmt.Errorf("%v missing in %s: make devcluster builds them", missing, dir)
	}
	return dir, nil
}

// BinDir returns the absolute path of a directory of binaries. If dir is empty, it is bin in the nearest directory above the working
// directory that has a go.mod.
func BinDir(dir string) (string, error) {
	if dir != "" {
		return filepath.Abs(dir)
	}
	module, err := moduleDir()
	return filepath.Join(module, "bin"), err
}

// moduleDir is the nearest directory above the working directory that has a go.mod.
func moduleDir() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no go.mod above %s: say where the binaries are", start)
		}
	}
}
