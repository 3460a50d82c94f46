package install

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

const program = "manager"

// startOperator runs what the Deployment in the cluster says, as its ServiceAccount. One that runs already is ended.
func startOperator(t *testing.T) {
	t.Helper()
	var deployment appsv1.Deployment
	if err := json.Unmarshal([]byte(kubectl(t, "get", "deployment", name, "-n", namespace, "-o", "json")), &deployment); err != nil {
		t.Fatal(err)
	}
	pod := deployment.Spec.Template.Spec
	config, err := cluster.ServiceAccountConfig(t.Context(), namespace, pod.ServiceAccountName)
	if err != nil {
		t.Fatal(err)
	}
	kubeconfig := filepath.Join(cluster.Dir(), "operator.kubeconfig")
	if err := cluster.WriteKubeconfig(kubeconfig, config); err != nil {
		t.Fatal(err)
	}
	container := pod.Containers[0]
	for _, variable := range container.Env {
		value, err := valueOf(t, variable)
		if err != nil {
			t.Fatal(err)
		}
		t.Setenv(variable.Name, value)
	}
	args := append(container.Args, "--kubeconfig="+kubeconfig, "--metrics-bind-address=0", "--health-probe-bind-address=0")
	if err := cluster.Run(program, "manager", args...); err != nil {
		t.Fatal(err)
	}
}

// valueOf finds the value of a variable as a kubelet does.
func valueOf(t *testing.T, variable corev1.EnvVar) (string, error) {
	t.Helper()
	from := variable.ValueFrom
	switch {
	case from == nil:
		return variable.Value, nil
	case from.FieldRef != nil && from.FieldRef.FieldPath == "metadata.namespace":
		return namespace, nil
	case from.ConfigMapKeyRef != nil:
		var config corev1.ConfigMap
		err := json.Unmarshal([]byte(kubectl(t, "get", "configmap", from.ConfigMapKeyRef.Name, "-n", namespace, "-o", "json")), &config)
		return config.Data[from.ConfigMapKeyRef.Key], err
	}
	return "", fmt.Errorf("the variable %s comes from where this test does not look", variable.Name)
}

// stopOperator ends it, as the end of its pods would.
func stopOperator(t *testing.T) {
	t.Helper()
	if err := cluster.Kill(program); err != nil {
		t.Fatal(err)
	}
}
