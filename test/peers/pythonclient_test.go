package peers

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// pythonRelease is the release of OpenShell's client in pythonclient/requirements.txt, and of the gateway that it calls.
const pythonRelease = "0.1.5"

// TestPythonClient calls a gateway with OpenShell's own client, which presents the certificate that certgen issued. The gateway is the
// program that stands in for OpenShell's on real nodes. It runs outside the cluster, with the files that its pod mounts, so the test needs
// no real node.
func TestPythonClient(t *testing.T) {
	if os.Getenv("PYTHON") == "off" {
		t.Skip("PYTHON=off, so OpenShell's own client is not tested")
	}
	const namespace = "python-client"
	cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{Image: "ghcr.io/nvidia/openshell/gateway:" + pythonRelease})
	cluster.WaitReady(t, 60*time.Second, namespace)
	port := runGateway(t, namespace)
	user, stranger := t.TempDir(), t.TempDir()
	secret := operatortest.Get(t, cluster.Access, &corev1.Secret{}, namespace, manifests.ClientTLSName)
	for name, content := range secret.Data {
		write(t, filepath.Join(user, name), content)
	}
	write(t, filepath.Join(stranger, "ca.crt"), secret.Data["ca.crt"])
	for _, c := range []struct{ host, dir, list string }{
		{"localhost", user, "UNIMPLEMENTED"}, // the stand-in admits the client, and does not have the RPC
		{"127.0.0.1", user, "UNIMPLEMENTED"},
		{"localhost", stranger, "UNAUTHENTICATED"},
	} {
		answer := callWithPython(t, net.JoinHostPort(c.host, port), c.dir)
		if answer.Status != 1 || answer.Version != pythonRelease || answer.List != c.list {
			t.Errorf("%s answers %+v, want status 1 (healthy), version %s and %s to ListSandboxes", c.host, answer, pythonRelease, c.list)
		}
	}
}

// pythonAnswer is what pythonclient/call.py prints.
type pythonAnswer struct {
	Status        int
	Version, List string
}

// callWithPython calls a gateway with the files in a directory.
func callWithPython(t *testing.T, endpoint, dir string) pythonAnswer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, filepath.Join(cluster.BinDir(), "pythonclient", "bin", "python"), filepath.Join("pythonclient", "call.py"), endpoint, dir)
	var problem bytes.Buffer
	command.Stderr = &problem
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%s: %v (make peers installs the client):\n%s", command, err, &problem)
	}
	var answer pythonAnswer
	if err := json.Unmarshal(out, &answer); err != nil {
		t.Fatalf("%s prints %q: %v", command, out, err)
	}
	return answer
}

// runGateway runs the gateway of a tenant outside the cluster until the cluster ends, and returns the port of its clients once it is ready.
func runGateway(t *testing.T, namespace string) (port string) {
	t.Helper()
	pod := operatortest.Get(t, cluster.Access, &appsv1.StatefulSet{}, namespace, manifests.GatewayName).Spec.Template.Spec
	root, container := t.TempDir(), pod.Containers[0]
	for _, mount := range container.VolumeMounts {
		mountFiles(t, namespace, pod.Volumes, mount, root)
	}
	ports, replace := map[string]string{}, []string{"'/", "'" + root + "/"}
	for _, p := range container.Ports {
		ports[p.Name] = freePort(t)
		replace = append(replace, fmt.Sprintf("'0.0.0.0:%d'", p.ContainerPort), "'127.0.0.1:"+ports[p.Name]+"'")
	}
	config := filepath.Join(root, "etc", "openshell", "gateway.toml")
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	write(t, config, []byte(strings.NewReplacer(replace...).Replace(string(text))))
	env, err := exec.LookPath("env") // it replaces itself by the gateway
	if err != nil {
		t.Fatal(err)
	}
	if err := cluster.Run("gateway", env, "GATEWAY_RELEASE="+pythonRelease, "HOME="+root, filepath.Join(cluster.BinDir(), "gateway"),
		"--config", config, "--db-url", "sqlite:"+filepath.Join(root, "var", "openshell", "openshell.db")); err != nil {
		t.Fatalf("%v; make peers builds what it needs", err)
	}
	cluster.Eventually(t, 20*time.Second, func() error {
		response, err := http.Get("http://127.0.0.1:" + ports["health"] + "/readyz")
		if err != nil {
			return fmt.Errorf("%w; see %s", err, cluster.Log("gateway"))
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err == nil && response.StatusCode != http.StatusOK {
			err = fmt.Errorf("the gateway is not ready: %s", body)
		}
		return err
	})
	return ports["grpc"]
}

// mountFiles writes the files of one volume below root, as a kubelet mounts them.
func mountFiles(t *testing.T, namespace string, volumes []corev1.Volume, mount corev1.VolumeMount, root string) {
	t.Helper()
	contents, items := map[string][]byte{}, []corev1.KeyToPath{}
	for _, volume := range volumes {
		switch {
		case volume.Name != mount.Name:
		case volume.Secret != nil:
			contents, items = operatortest.Get(t, cluster.Access, &corev1.Secret{}, namespace, volume.Secret.SecretName).Data, volume.Secret.Items
		case volume.ConfigMap != nil:
			for key, text := range operatortest.Get(t, cluster.Access, &corev1.ConfigMap{}, namespace, volume.ConfigMap.Name).Data {
				contents[key] = []byte(text)
			}
			items = volume.ConfigMap.Items
		}
	}
	if len(items) == 0 {
		for key := range contents {
			items = append(items, corev1.KeyToPath{Key: key, Path: key})
		}
	}
	path := filepath.Join(root, mount.MountPath)
	if mount.SubPath == "" {
		if err := os.MkdirAll(path, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, item := range items {
		switch mount.SubPath {
		case "":
			write(t, filepath.Join(path, item.Path), contents[item.Key])
		case item.Path:
			write(t, path, contents[item.Key])
		}
	}
}

// write writes a file, with its directory.
func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// freePort returns a port on which nothing listens.
func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String()) // it has one
	return port
}
