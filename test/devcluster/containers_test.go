package devcluster

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// certgenScript stands for certgen: it does what its first argument says.
const certgenScript = `#!/bin/sh
case $1 in
report) for a; do case $a in --termination-log=*) echo "done in $2" >"${a#*=}";; esac; done ;;
panic) echo "panic: a bug" >&2; exit 3 ;;
stubborn) trap '' TERM; while :; do sleep 0.1; done ;;
esac
`

// certgenPod is a pod that the certgen Job might make.
const certgenPod = `
apiVersion: v1
kind: Pod
metadata: {name: %[1]s}
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 1
  serviceAccountName: openshell-gateway-certgen
  containers:
    - name: certgen
      image: operator:v1
      args: [%[1]s, $(POD_NAMESPACE)]
      env: [{name: POD_NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}]
      terminationMessagePolicy: FallbackToLogsOnError
---`

const gatewayPod = `
apiVersion: v1
kind: ServiceAccount
metadata: {name: openshell-gateway-certgen}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: openshell-gateway-config}
data:
  gateway.toml: |
    [openshell.gateway]
    bind_address = "0.0.0.0:8080"
    health_bind_address = "0.0.0.0:8081"
    disable_tls = true
---
apiVersion: v1
kind: Service
metadata: {name: openshell-gateway}
spec:
  selector: {app.kubernetes.io/name: openshell}
  ports: [{port: 8080}]
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: openshell-gateway}
spec:
  serviceName: openshell-gateway
  selector: {matchLabels: {app.kubernetes.io/name: openshell}}
  template:
    metadata:
      labels: {app.kubernetes.io/name: openshell, app.kubernetes.io/component: gateway}
    spec:
      containers:
        - name: gateway
          image: gateway:v0.0.71
          args: [--config, /etc/openshell/gateway.toml]
          volumeMounts:
            - {name: config, mountPath: /etc/openshell}
            - {name: extra, mountPath: /extra}
      volumes:
        - {name: config, configMap: {name: openshell-gateway-config}}
        - {name: extra, secret: {secretName: absent, optional: true}}
  volumeClaimTemplates:
    - metadata: {name: data}
      spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---`

func TestPodsFareAsUnderAKubelet(t *testing.T) {
	c, err := Start(t.Context(), Options{Dir: t.TempDir(), BinDir: binariesWith(t, certgenScript)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	objects := gatewayPod
	for _, name := range []string{"report", "panic", "stubborn"} {
		objects += fmt.Sprintf(certgenPod, name)
	}
	file := filepath.Join(t.TempDir(), "objects.yaml")
	if err := os.WriteFile(file, []byte(objects), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Kubectl(t.Context(), "create", "-f", file); err != nil {
		t.Fatal(err)
	}
	const ended = "jsonpath={.status.phase} {.status.containerStatuses[0].state.terminated.exitCode} {.status.containerStatuses[0].state.terminated.message}"
	eventually(t, c, "Succeeded 0 done in default", "get", "pod", "report", "-o", ended)
	eventually(t, c, "Failed 3 panic: a bug", "get", "pod", "panic", "-o", ended)
	eventually(t, c, "Running", "get", "pod", "stubborn", "-o", "jsonpath={.status.phase}")
	if _, err := c.Kubectl(t.Context(), "delete", "pod", "stubborn", "--timeout=10s"); err != nil {
		t.Errorf("a pod whose process ignores SIGTERM: %v", err)
	}

	eventually(t, c, "1", "get", "statefulset", "openshell-gateway", "-o", "jsonpath={.status.readyReplicas}")
	eventually(t, c, "true", "get", "endpointslices", "-l", "kubernetes.io/service-name=openshell-gateway",
		"-o", "jsonpath={.items[*].endpoints[*].conditions.ready}")
	if _, err := c.Kubectl(t.Context(), "patch", "pvc", "data-openshell-gateway-0", "-p", `{"spec":{"resources":{"requests":{"storage":"2Gi"}}}}`); err != nil {
		t.Fatal(err)
	}
	eventually(t, c, "2Gi", "get", "pvc", "data-openshell-gateway-0", "-o", "jsonpath={.status.capacity.storage}")
}

// eventually waits until kubectl prints what is wanted.
func eventually(t *testing.T, c *Cluster, want string, args ...string) {
	t.Helper()
	var got string
	var err error
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if got, err = c.Kubectl(t.Context(), args...); err == nil && strings.TrimSpace(got) == want {
			return
		}
	}
	t.Errorf("kubectl %v: %q, %v; want %q", args, got, err, want)
}

// binariesWith is a directory with the binaries, the program in containers as it is now, and a certgen of the test's.
func binariesWith(t *testing.T, certgen string) string {
	t.Helper()
	usual, err := findBinaries("", simulation)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"devcluster", "kwok"} {
		if err := os.Symlink(filepath.Join(usual, name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(dir, "containers"), "./containers") //nolint:gosec // a directory of the test's
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	if err := os.WriteFile(filepath.Join(dir, "certgen"), []byte(certgen), 0o700); err != nil { //nolint:gosec // it is run
		t.Fatal(err)
	}
	return dir
}
