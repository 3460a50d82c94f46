//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/ambient-code/gatewaytenant-operator/test/image"
	"github.com/ambient-code/gatewaytenant-operator/test/realnode"
)

// dir is where the node keeps its files, below the project's root.
const dir = ".realnode"

// limit is how long up may take.
const limit = 5 * time.Minute

const tenant = "tenant-a"

// gatewayTenant is the tenant that up creates.
const gatewayTenant = `
apiVersion: openshell.ambient-code.io/v1alpha1
kind: GatewayTenant
metadata: {name: openshell-gateway, namespace: ` + tenant + `}
`

// up starts a node with the operator and one tenant.
func up(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if _, err := realnode.Open(dir); err == nil {
		return fmt.Errorf("a node runs already in %s; end it with make realnode-down", dir)
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	operator, err := realnode.OperatorImage(".")
	if err != nil {
		return err
	}
	images := []image.Image{operator}
	for _, release := range []string{"0.0.71", "0.0.88", "0.0.100", "0.0.111"} {
		images = append(images, realnode.GatewayImage(".", release, release))
	}
	say("Starting a node and its control plane")
	node, err := realnode.Start(ctx, realnode.Options{
		Dir: dir, Detached: true, First: []string{"config/crd"}, Images: images, Progress: os.Stdout,
	})
	if err != nil {
		return err
	}
	say("Deploying the operator by config/overlays/kind, and a GatewayTenant in %s", tenant)
	if err := node.DeployOperator(ctx, "config/overlays/kind"); err != nil {
		return err
	}
	if _, err := node.Kubectl(ctx, "create", "namespace", tenant); err != nil {
		return err
	}
	if err := node.Apply(ctx, gatewayTenant); err != nil {
		return err
	}
	wait := []string{"wait", "-n", tenant, "gatewaytenant/openshell-gateway", "--for=condition=Ready", "--timeout=2m"}
	if _, err := node.Kubectl(ctx, wait...); err != nil {
		return err
	}
	table, err := node.Kubectl(ctx, "get", "pods,gatewaytenants", "--all-namespaces")
	if err != nil {
		return err
	}
	say("\n%s", table)
	say("The node runs until make realnode-down. Its logs are in %s/logs. What to try next:\n", node.Dir())
	say("  export KUBECONFIG=%s PATH=%s:$PATH", node.Kubeconfig(), node.BinDir())
	say("  kubectl gatewaytenant status -n %s", tenant)
	say("  kubectl logs -n %s openshell-gateway-0", tenant)
	say("  kubectl port-forward -n %s openshell-gateway-0 8081", tenant)
	return nil
}

// down ends the node that up started.
func down() error {
	node, err := realnode.Open(dir)
	if err != nil {
		say("%v", err)
		return nil
	}
	if err := node.Stop(); err != nil {
		return err
	}
	say("The node has ended, and its files in %s are removed.", dir)
	return os.RemoveAll(dir)
}

func say(format string, args ...any) { fmt.Printf(format+"\n", args...) }
