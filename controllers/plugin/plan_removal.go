package plugin

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/plan"
)

// addRemovals adds what the operator deletes after a GatewayTenant is removed. The garbage collector deletes everything else.
func (p Planner) addRemovals(ctx context.Context, outcomes []Outcome) error {
	for i := range outcomes {
		if outcomes[i].Action != Removed || p.Cluster == nil {
			continue
		}
		ref := observe.Binding(outcomes[i].Namespace)
		binding := ref.In(metav1.NamespaceNone)
		switch err := p.Cluster.Get(ctx, client.ObjectKeyFromObject(binding), binding); {
		case err == nil:
			for _, step := range plan.Removal(binding) {
				outcomes[i].Objects = append(outcomes[i].Objects, Change{Kind: step.Object.Kind, Name: step.Object.Name, Action: step.Action, Reason: step.Reason})
			}
		case apierrors.IsForbidden(err):
			outcomes[i].Notes = append(outcomes[i].Notes, ref.Describe("")+" cannot be read, so the plan does not cover it")
		case !apierrors.IsNotFound(err):
			return fmt.Errorf("reading %s: %w", ref.Describe(""), err)
		}
	}
	return nil
}
