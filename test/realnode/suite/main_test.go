//go:build linux

package suite

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/test/image"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
	"github.com/ambient-code/gatewaytenant-operator/test/realnode"
)

const (
	root              = "../../.."
	platformNamespace = operatortest.PlatformNamespace
	operatorName      = operatortest.OperatorName
)

// releases are the gateways of which the node has images.
var releases = []string{oldest, "0.0.88", "0.0.100", newest, "0.1.3", newest2}

// probeTag is the tag of the image that probes and sandboxes of the tests run.
const probeTag = "0.0.71"

var (
	node    *realnode.Node
	cluster *operatortest.Access
	admin   client.Client // of cluster
)

func TestMain(m *testing.M) {
	// The tests wait most of the time. The limit keeps the gateways of all tests below the CPU that the node can promise.
	if err := flag.Set("test.parallel", "6"); err != nil {
		panic(err)
	}
	operatortest.Main("suite", m, run)
}

func run(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "realnode-")
	if err != nil {
		return 1, err
	}
	defer func() {
		if code == 0 && err == nil {
			err = os.RemoveAll(dir)
		} else {
			fmt.Fprintln(os.Stderr, "suite: the logs are in", filepath.Join(dir, "logs"))
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	images, err := images()
	if err != nil {
		return 1, err
	}
	node, err = realnode.Start(ctx, realnode.Options{
		Dir: dir, First: []string{filepath.Join(root, "config/crd")}, Images: images, Progress: os.Stderr,
		ControllerManagerArgs: shortGracePeriod,
	})
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, node.Stop()) }()
	if cluster, err = operatortest.NewAccess(node.Config()); err != nil {
		return 1, err
	}
	admin = cluster.Client
	if err := node.DeployOperator(ctx, filepath.Join(root, "config/overlays/kind")); err != nil {
		return 1, err
	}
	if err := setTrustDelay(ctx); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// setTrustDelay restarts the operator with a shorter trust delay than the default, which allows for a kubelet's default
// syncFrequency of a minute.
func setTrustDelay(ctx context.Context) error {
	patch := fmt.Sprintf(`[{"op": "add", "path": "/spec/template/spec/containers/0/args/-", "value": "--trust-delay=%s"}]`, trustDelay)
	deployment := "deployment/" + operatorName
	_, err := node.Kubectl(ctx, "patch", "-n", platformNamespace, deployment, "--type=json", "-p", patch)
	if err == nil {
		_, err = node.Kubectl(ctx, "rollout", "status", "-n", platformNamespace, deployment, "--timeout=2m")
	}
	return err
}

// images are those that the node has from the start.
func images() ([]image.Image, error) {
	operator, err := realnode.OperatorImage(root)
	all := []image.Image{operator}
	for _, release := range releases {
		all = append(all, realnode.GatewayImage(root, release, release))
	}
	all = append(all, realnode.GatewayImage(root, olderProgram, "0.1.3"))
	for tag, fault := range faultyGateways {
		all = append(all, realnode.GatewayImage(root, tag, newest, fault))
	}
	return all, err
}
