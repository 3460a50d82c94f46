package devcluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
)

const (
	stateFile       = "cluster.json"
	stagesFile      = "stages.yaml"
	objectsFile     = "objects.yaml"
	auditPolicyFile = "audit-policy.yaml"
)

// state is what a cluster is, apart from running: enough for another process to find it, stop it and start a part of
// it again. It is kept in the cluster's directory.
type state struct {
	Dir       string
	BinDir    string
	Detached  bool
	RealNode  *RealNode `json:",omitempty"`
	Audit     bool
	EtcdQuota int64 `json:",omitempty"` // 0: etcdQuota
	Ports     map[string]int
	Processes map[string]identity
}

func (s *state) addr(component string) string {
	return net.JoinHostPort(loopback, strconv.Itoa(s.Ports[component]))
}

func (s *state) cert(file string) string { return filepath.Join(s.Dir, "certs", file) }

func (s *state) log(component string) string { return filepath.Join(s.Dir, "logs", component+".log") }

// etcdData returns the directory of etcd's data.
func (s *state) etcdData() string { return filepath.Join(s.Dir, "etcd") }

// auditLog returns the path of the API server's audit log.
func (s *state) auditLog() string { return s.log("audit") }

// kubeconfig is the file of one of the clients.
func (s *state) kubeconfig(client string) string {
	if client == adminUser {
		return filepath.Join(s.Dir, "kubeconfig")
	}
	return filepath.Join(s.Dir, "certs", client+".kubeconfig")
}

func (s *state) write() error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(s.Dir, stateFile)
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// readState reads what dir holds; fs.ErrNotExist if there never was a cluster.
func readState(dir string) (*state, error) {
	text, err := os.ReadFile(filepath.Join(dir, stateFile))
	if err != nil {
		return nil, err
	}
	s := &state{}
	if err := json.Unmarshal(text, s); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, stateFile), err)
	}
	return s, nil
}

// prepare makes dir ready for a new cluster. What an earlier one left there goes, unless it runs.
func prepare(dir string) error {
	earlier, err := readState(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil {
		for name, process := range earlier.Processes {
			if process.running() {
				return fmt.Errorf("a cluster in %s runs already (%s has pid %d): stop it, or choose another directory", dir, name, process.PID)
			}
		}
		for _, name := range []string{stateFile, "etcd", "certs", "logs", Containers} {
			if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
				return err
			}
		}
	}
	for _, name := range []string{"", "etcd", "logs"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			return err
		}
	}
	return nil
}

// takePorts finds a free port for each component, and takes the API server's from RealNode. They lie below the range from which systems take ports for
// outgoing connections: there, a client that dials a stopped component again and again may end up connected to itself
// and so take the port away.
func (s *state) takePorts() error {
	ports, taken := map[string]int{}, map[int]bool{}
	if s.RealNode != nil {
		ports[APIServer], taken[s.RealNode.APIServerPort] = s.RealNode.APIServerPort, true
	}
	for _, c := range s.components() {
		for try := 0; ports[c.name] == 0; try++ {
			if try == 100 {
				return errors.New("found no free port")
			}
			port := 20000 + rand.IntN(12000)
			if !taken[port] && free(port) {
				ports[c.name], taken[port] = port, true
			}
		}
	}
	s.Ports = ports
	return nil
}

func free(port int) bool {
	l, err := net.Listen("tcp", net.JoinHostPort(loopback, strconv.Itoa(port)))
	if err != nil {
		return false
	}
	return l.Close() == nil
}
