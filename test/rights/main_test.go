package rights

import (
	"context"
	"errors"
	"os"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/test/devcluster"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// The one control plane, and its administrator.
var (
	cluster *operatortest.ControlPlane
	admin   client.Client
)

func TestMain(m *testing.M) {
	// A client that streams what it watches lists nothing. The rights must do for older API servers, too.
	if err := os.Setenv("KUBE_FEATURE_WatchListClient", "false"); err != nil {
		panic(err)
	}
	operatortest.Main("rights", m, run)
}

func run(m *testing.M) (code int, err error) {
	cluster, err = operatortest.Start(context.Background(), "rights", devcluster.Options{First: []string{"../../config/crd"}}, "../../config/policy")
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, cluster.End(code != 0)) }()
	admin = cluster.Client
	return m.Run(), nil
}
