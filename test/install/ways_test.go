package install

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ambient-code/gatewaytenant-operator/test/devcluster"
)

// image is one that differs from the one in config/default, so that an upgrade changes something.
const image = "registry.example.com/gatewaytenant-operator:0.2.0"

// way is a way to install, each step as docs/install.md says.
type way struct {
	name           string
	install        func(t *testing.T, config string)
	upgrade        func(t *testing.T)
	removeOperator func(t *testing.T)
	removeRest     func(t *testing.T)
}

var ways = []way{
	{
		name: "kustomize",
		install: func(t *testing.T, config string) {
			kubectl(t, "apply", "-k", filepath.Join(config, "crd"))
			kubectl(t, "apply", "-k", filepath.Join(config, "default"))
		},
		upgrade:        func(t *testing.T) { kubectl(t, "apply", "-f", release(t)) },
		removeOperator: func(t *testing.T) { kubectl(t, "delete", "-k", root+"/config/default") },
		removeRest:     func(t *testing.T) { kubectl(t, "delete", "-k", root+"/config/crd") },
	},
	{
		name: "helm",
		install: func(t *testing.T, config string) {
			if _, err := os.Stat(filepath.Join(config, "chart")); err != nil {
				config = root + "/config" // there was no chart then
			}
			helm(t, "install", name, filepath.Join(config, "chart"), "-n", namespace, "--create-namespace")
		},
		upgrade: func(t *testing.T) {
			helm(t, "upgrade", name, root+"/config/chart", "-n", namespace, "--set", "image="+image)
		},
		removeOperator: func(t *testing.T) { helm(t, "uninstall", name, "-n", namespace) },
		removeRest: func(t *testing.T) {
			kubectl(t, "delete", "customresourcedefinition", "gatewaytenants.openshell.ambient-code.io")
			kubectl(t, "delete", "clusterrole", "gatewaytenant-node-reader", "gatewaytenant-sandboxes", "gatewaytenant-sandboxes-v2", "gatewaytenant-certgen",
				"gatewaytenant-view", "gatewaytenant-edit", "gatewaytenant-admin", "gatewaytenant-handover")
			kubectl(t, "delete", "namespace", namespace)
		},
	},
}

// release is an install.yaml with another image.
func release(t *testing.T) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), root+"/hack/release")
	command.Env = append(os.Environ(), "IMAGE="+image)
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return root + "/dist/install.yaml"
}

// previous returns the configuration as it was before its last change that is committed, with today's roles. Where there is
// no history, it returns today's.
func previous(t *testing.T) string {
	t.Helper()
	git := func(args ...string) ([]byte, error) {
		command := exec.CommandContext(t.Context(), "git", args...)
		command.Dir = root
		return command.Output()
	}
	last, err := git("rev-list", "--max-count=1", "HEAD", "--", "config")
	if err == nil {
		var archive []byte
		if archive, err = git("archive", strings.TrimSpace(string(last))+"^", "config"); err == nil {
			dir := t.TempDir()
			if err = errors.Join(unpack(archive, dir), takeOverRoles(dir)); err == nil {
				t.Logf("upgrading from the configuration before commit %.7s", last)
				return filepath.Join(dir, "config")
			}
		}
	}
	t.Logf("upgrading from today's configuration, since there is no earlier one: %v", err)
	return root + "/config"
}

// takeOverRoles gives a configuration today's roles of gateways and certgen: the program that runs on it is today's, and may
// need rights that are new.
func takeOverRoles(dir string) error {
	for _, file := range []string{"config/crd/gateway_roles.yaml", "config/chart/templates/crd.yaml"} {
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, file), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func unpack(archive []byte, dir string) error {
	for reader := tar.NewReader(bytes.NewReader(archive)); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		path := filepath.Join(dir, filepath.Clean("/"+header.Name))
		switch header.Typeflag {
		case tar.TypeDir:
			err = os.MkdirAll(path, 0o755)
		case tar.TypeReg:
			var text []byte
			if text, err = io.ReadAll(reader); err == nil {
				err = os.WriteFile(path, text, 0o644)
			}
		}
		if err != nil {
			return err
		}
	}
}

// noticeCRD has the garbage collector look for new kinds now; it would within 30 s.
func noticeCRD(t *testing.T) {
	t.Helper()
	if err := cluster.Restart(t.Context(), devcluster.ControllerManager); err != nil {
		t.Fatal(err)
	}
}
