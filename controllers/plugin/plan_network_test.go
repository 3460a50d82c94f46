package plugin

import (
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// TestPlanTellsAnEmptyListOfClientsFromNone: the first closes the gateway's port, the second opens it.
func TestPlanTellsAnEmptyListOfClientsFromNone(t *testing.T) {
	open := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{}}}
	closed := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"network": map[string]any{"allowedClients": []any{}}}}}
	if changed := changedFields(open, closed); !slices.Equal(changed, []string{"spec.network.allowedClients: unset → []"}) {
		t.Errorf("closing it changes %q", changed)
	}
	if changed := changedFields(closed, open); !slices.Equal(changed, []string{"spec.network.allowedClients: [] → unset"}) {
		t.Errorf("opening it changes %q", changed)
	}
	if tenant, err := typed(closed); err != nil || tenant.Spec.Network.AllowedClients == nil {
		t.Errorf("the operator's code gets %+v (%v)", tenant, err)
	}
}
