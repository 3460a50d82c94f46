package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/test/audit"
	"github.com/ambient-code/gatewaytenant-operator/test/devcluster"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

const platformNamespace = operatortest.PlatformNamespace

// The cluster, its administrator and the operator that all tests share. Each test has namespaces of its own.
var (
	cluster  *operatortest.ControlPlane
	admin    client.WithWatch
	operator = &sharedOperator{}
	auditLog *audit.Log // one reader, because each reads the whole log once
)

func TestMain(m *testing.M) {
	// Tests are parallel if they have tenants of their own and change nothing that others see: not the operator, its
	// platform-config, the node, or the control plane. They wait most of the time, so more may run than there are processors.
	if err := flag.Set("test.parallel", "4"); err != nil {
		panic(err)
	}
	operatortest.Main("e2e", m, run)
}

func run(m *testing.M) (code int, err error) {
	ctx := context.Background()
	cluster, err = operatortest.Start(ctx, "e2e", devcluster.Options{First: []string{"../../config/crd"}, AuditPolicy: audit.Policy()},
		"../../config/rbac", "../../config/policy")
	if err != nil {
		return 1, err
	}
	defer func() {
		if err = errors.Join(err, cluster.End(code != 0 || err != nil)); err == nil && *faultyShare == 0 {
			err = goleak.Find(
				// The caches of controller-runtime read watches through watch.Filter. When the operator stops such a watch, the
				// goroutine of the filter may be left with an event that no informer reads.
				goleak.IgnoreTopFunction("k8s.io/apimachinery/pkg/watch.(*filteredWatch).loop"),
			)
		}
	}()
	admin, auditLog = cluster.Client, audit.NewLog(cluster.AuditLog())
	if *faultyShare > 0 { // An operation starts again several times, after growing waits.
		cluster.Patience = 6
	}
	if err := operator.start(ctx); err != nil {
		return 1, err
	}
	code = m.Run()
	operator.end()
	if faults != nil {
		fmt.Fprintln(os.Stderr, "e2e:", faults)
	}
	denied, total, err := deniedRequests(auditLog)
	fmt.Fprintf(os.Stderr, "e2e: of %d requests of the operator and certgen, %d were denied\n", total, len(denied))
	for _, request := range denied {
		code = 1
		fmt.Fprintln(os.Stderr, "e2e: denied to", request)
	}
	return code, err
}
