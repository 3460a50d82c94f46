//go:build linux

package realnode

import (
	"context"
	"os"
	"path/filepath"

	"github.com/ambient-code/gatewaytenant-operator/test/image"
)

// GatewayRepository is the repository of the gateways' images, without the tag.
const GatewayRepository = "ghcr.io/nvidia/openshell/gateway"

// operatorReference is the name in the kind overlay, as containerd completes it.
const operatorReference = "docker.io/library/gatewaytenant-operator:dev"

// OperatorImage returns the image that the Dockerfile in the project's root describes, with the reference of the kind overlay.
func OperatorImage(root string) (image.Image, error) {
	return image.FromDockerfile(filepath.Join(root, "Dockerfile"), filepath.Join(root, "bin/realnode/image"), operatorReference)
}

// GatewayImage returns an image of the gateway that stands in for OpenShell's. It behaves as the given release, such as
// 0.0.111. Further variables such as GATEWAY_FAULT=never-ready make it fail; then it needs a tag of its own. The same image
// serves as a client: its program has the commands client, listen and dial.
func GatewayImage(root, tag, release string, env ...string) image.Image {
	const program = "/openshell-gateway"
	return image.Image{
		Reference:  GatewayRepository + ":" + tag,
		Files:      []image.File{{Path: program, Source: filepath.Join(root, "bin/realnode/gateway")}},
		Entrypoint: []string{program},
		Env:        append([]string{"GATEWAY_RELEASE=" + release}, env...),
		User:       "1000:1000",
	}
}

// DeployOperator applies a kustomization with the operator and waits until its Deployment is available.
func (n *Node) DeployOperator(ctx context.Context, kustomization string) error {
	if _, err := n.Kubectl(ctx, "apply", "-k", kustomization); err != nil {
		return err
	}
	_, err := n.Kubectl(ctx, "rollout", "status", "-n", "gatewaytenant-system", "deployment/gatewaytenant-operator", "--timeout=2m")
	return err
}

// Apply applies a manifest with kubectl.
func (n *Node) Apply(ctx context.Context, manifest string) error {
	file, err := os.CreateTemp(n.dir, "manifest-*.yaml")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(file.Name()) }()
	if _, err := file.WriteString(manifest); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	_, err = n.Kubectl(ctx, "apply", "-f", file.Name())
	return err
}
