package main

import (
	"context"
	"fmt"
	"time"

	"github.com/ambient-code/gatewaytenant-operator/test/devcluster"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// startup is how long the operator may take to end if its flags or rights are wrong.
const startup = 2 * time.Second

// empty starts a control plane with nothing of ours, so that the operator can be installed on it as docs/install.md says.
func empty(ctx context.Context) error {
	cluster, err := controlPlane(ctx)
	if err != nil {
		return err
	}
	say("It stays up until make demo-down. For kubectl, helm and make in your shell:\n")
	sayHowToReach(cluster)
	say("\nThen install the operator as docs/install.md says, and run what you installed: make demo-operator")
	return nil
}

// installed runs what the Deployment in the cluster says, since the cluster only stands in for its pods.
func installed(ctx context.Context) error {
	cluster, err := devcluster.Open(dir)
	if err != nil {
		return fmt.Errorf("%w; start one with make demo-empty", err)
	}
	if err := cluster.RunDeployment(ctx, program, platformNamespace, operatorName); err != nil {
		return fmt.Errorf("%w; install it first, as docs/install.md says", err)
	}
	for deadline := time.Now().Add(startup); time.Now().Before(deadline); {
		if !cluster.Running(program) {
			return fmt.Errorf("the operator has ended at once; the end of %s says why", cluster.Log(program))
		}
		if err := operatortest.Pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
	say("The operator runs as its Deployment says. Its log is %s. Run this again after each change of the Deployment.",
		cluster.Log(program))
	return nil
}
