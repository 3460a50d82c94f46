package devcluster

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// RunDeployment runs beside the cluster what a Deployment in it says, since its pods are only stood in for: the binary, with
// the arguments and the environment of the first container and as the Deployment's ServiceAccount. The binary is looked up
// as Run does, and its log is named after the last element of its path. As with Run, one that runs already is ended first.
// Metrics and probes are off, so that several clusters do not compete for their ports. The optional wrapper is a command that
// is given the binary and its arguments and replaces itself by it, such as nice(1).
func (c *Cluster) RunDeployment(ctx context.Context, binary, namespace, name string, wrapper ...string) error {
	out, err := c.Kubectl(ctx, "get", "deployment", name, "-n", namespace, "-o", "json")
	if err != nil {
		return err
	}
	var deployment appsv1.Deployment
	if err := json.Unmarshal([]byte(out), &deployment); err != nil {
		return err
	}
	pod := deployment.Spec.Template.Spec
	config, err := c.ServiceAccountConfig(ctx, namespace, pod.ServiceAccountName)
	if err != nil {
		return err
	}
	kubeconfig := filepath.Join(c.Dir(), "operator.kubeconfig")
	if err := c.WriteKubeconfig(kubeconfig, config); err != nil {
		return err
	}
	container := pod.Containers[0]
	env := make([]string, 0, len(container.Env))
	for _, variable := range container.Env {
		value, err := c.valueOf(ctx, variable, container.Resources, namespace)
		if err != nil {
			return err
		}
		env = append(env, variable.Name+"="+value)
	}
	args := append(container.Args, "--kubeconfig="+kubeconfig, "--metrics-bind-address=0", "--health-probe-bind-address=0")
	program := component{name: filepath.Base(binary), binary: binary, env: env, args: func(*state) []string { return args }}
	if len(wrapper) > 0 {
		args = slices.Concat(wrapper[1:], []string{program.path(c.BinDir())}, args)
		program.binary = wrapper[0]
	}
	return c.run(program)
}

// valueOf finds the value of a variable as a kubelet does.
func (c *Cluster) valueOf(ctx context.Context, variable corev1.EnvVar, resources corev1.ResourceRequirements, namespace string) (string, error) {
	from := variable.ValueFrom
	switch {
	case from == nil:
		return variable.Value, nil
	case from.FieldRef != nil && from.FieldRef.FieldPath == "metadata.namespace":
		return namespace, nil
	case from.ResourceFieldRef != nil && from.ResourceFieldRef.Resource == "limits.memory" && from.ResourceFieldRef.Divisor.IsZero():
		return strconv.FormatInt(resources.Limits.Memory().Value(), 10), nil
	case from.ConfigMapKeyRef != nil:
		out, err := c.Kubectl(ctx, "get", "configmap", from.ConfigMapKeyRef.Name, "-n", namespace, "-o", "json")
		if err != nil {
			return "", err
		}
		var config corev1.ConfigMap
		err = json.Unmarshal([]byte(out), &config)
		return config.Data[from.ConfigMapKeyRef.Key], err
	}
	return "", fmt.Errorf("the variable %s comes from where nobody looks here", variable.Name)
}
