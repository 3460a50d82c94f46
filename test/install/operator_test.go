package install

import "testing"

const program = "manager"

// startOperator runs what the Deployment in the cluster says, as its ServiceAccount. One that runs already is ended.
func startOperator(t *testing.T) {
	t.Helper()
	if err := cluster.RunDeployment(t.Context(), program, namespace, name); err != nil {
		t.Fatal(err)
	}
}

// stopOperator ends it, as the end of its pods would.
func stopOperator(t *testing.T) {
	t.Helper()
	if err := cluster.Kill(program); err != nil {
		t.Fatal(err)
	}
}
