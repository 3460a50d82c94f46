package main

import (
	"context"
	"fmt"
	"os"

	"github.com/ambient-code/gatewaytenant-operator/test/devcluster"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

const (
	platformNamespace = operatortest.PlatformNamespace
	operatorName      = operatortest.OperatorName
	program           = operatortest.Program
)

// up brings the demo up to the point where all its tenants are Ready. It can be run again at any time.
func up(ctx context.Context) error {
	cluster, err := controlPlane(ctx, "config/crd")
	if err != nil {
		return err
	}
	say("Installing the CRD, the gateways' roles, the operator's own, and the policies that bound it")
	for _, args := range [][]string{
		{"apply", "-k", "config/crd"},
		{"apply", "-k", "config/rbac"},
		{"apply", "-k", "config/policy"},
	} {
		if _, err := cluster.Kubectl(ctx, args...); err != nil {
			return err
		}
	}
	if err := operator(ctx, cluster); err != nil {
		return err
	}
	say("Applying two samples: platform-config with tenant-a and tenant-b, and a GatewayTenant by hand in tenant-c")
	if err := namespaces(ctx, cluster, tenants); err != nil {
		return err
	}
	if _, err := cluster.Kubectl(ctx, "apply", "-f", "config/samples/platform-config.yaml", "-f", "config/samples/gatewaytenant.yaml"); err != nil {
		return err
	}
	if err := watch(ctx, cluster); err != nil {
		return fmt.Errorf("%w; the operator's log is %s", err, cluster.Log(program))
	}
	return show(ctx, cluster)
}

// controlPlane is the demo's cluster: the one that runs already, or a new one with these kustomizations.
func controlPlane(ctx context.Context, first ...string) (*devcluster.Cluster, error) {
	cluster, err := devcluster.Open(dir)
	if err == nil {
		say("The control plane runs already")
		return cluster, nil
	}
	if cluster != nil { // parts of one: it cannot be told what is amiss, so it ends
		say("Ending what is left of a control plane: %v", err)
		if err := cluster.Stop(); err != nil {
			return nil, err
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	say("Starting a control plane: etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kwok; and installing the CRD of the Sandbox API")
	return devcluster.Start(ctx, devcluster.Options{Dir: dir, Detached: true, First: first, Progress: os.Stdout})
}

// operator runs the operator as its own ServiceAccount. One that runs is replaced, because its binary may have changed.
func operator(ctx context.Context, cluster *devcluster.Cluster) error {
	say("Starting the operator as ServiceAccount %s/%s", platformNamespace, operatorName)
	return operatortest.RunManager(ctx, cluster)
}

// namespaces makes those that are missing.
func namespaces(ctx context.Context, cluster *devcluster.Cluster, names []string) error {
	for _, name := range names {
		if _, err := cluster.Kubectl(ctx, "get", "namespace", name); err == nil {
			continue
		}
		if _, err := cluster.Kubectl(ctx, "create", "namespace", name); err != nil {
			return err
		}
	}
	return nil
}

// show ends the demo with what there is and what to try.
func show(ctx context.Context, cluster *devcluster.Cluster) error {
	table, err := cluster.Kubectl(ctx, "get", "gatewaytenants", "--all-namespaces")
	if err != nil {
		return err
	}
	say("\n%s", table)
	say("All is up and stays up until make demo-down. The operator's log is %s. What to try next:\n", cluster.Log(program))
	sayHowToReach(cluster)
	say("  kubectl get statefulset,service,configmap,secret,job,networkpolicy -n tenant-a")
	say("  kubectl gatewaytenant status -n tenant-a")
	say("  kubectl edit configmap platform-config -n %s   # then: kubectl get gwt -A -w", platformNamespace)
	say("  kubectl delete gwt openshell-gateway -n tenant-c        # leaves the volume claim only")
	return nil
}

// sayHowToReach prints what a shell needs, from whatever directory, before kubectl reaches the cluster.
func sayHowToReach(cluster *devcluster.Cluster) {
	say("  export KUBECONFIG=%s PATH=%s:$PATH", cluster.Kubeconfig(), cluster.BinDir())
}
