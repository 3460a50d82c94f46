package install

import (
	"testing"

	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// startOperator runs the operator as the Deployment in the cluster says. If it runs already, it is ended first.
func startOperator(t *testing.T) {
	t.Helper()
	if err := cluster.RunDeployment(t.Context(), operatortest.Program, namespace, name); err != nil {
		t.Fatal(err)
	}
}

// stopOperator ends the operator.
func stopOperator(t *testing.T) {
	t.Helper()
	if err := cluster.Kill(operatortest.Program); err != nil {
		t.Fatal(err)
	}
}
