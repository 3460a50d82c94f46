package devcluster

import (
	"context"
	_ "embed"
	"path/filepath"
)

var (
	//go:embed fixtures/stages.yaml
	stages []byte
	//go:embed fixtures/simulated.yaml
	simulatedObjects []byte
	//go:embed fixtures/realnode.yaml
	realNodeObjects []byte
	//go:embed fixtures/sandboxes.yaml
	sandboxCRD []byte
)

// createObjects makes the objects that a cluster starts with, and waits until the CRDs among them are served.
func (c *Cluster) createObjects(ctx context.Context) error {
	if _, err := c.Kubectl(ctx, "create", "--validate=false", "--filename="+filepath.Join(c.state.Dir, objectsFile)); err != nil {
		return err
	}
	_, err := c.Kubectl(ctx, "wait", "--for=condition=Established", "customresourcedefinitions", "--all", "--timeout=60s")
	return err
}
