package e2e

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// TestTenantWhosePodIsBrokenIsNeverReady: the stand-in for containers breaks images by their tags, in a kubelet's ways.
func TestTenantWhosePodIsBrokenIsNeverReady(t *testing.T) {
	for tag, waits := range map[string][]string{
		"0.0.71-never-pulls": {"ErrImagePull", "ImagePullBackOff"},
		"0.0.71-crashes":     {"CrashLoopBackOff"},
		"0.0.71-hangs":       nil, // it runs, and is not ready
	} {
		namespace := "broken" + tag[len("0.0.71"):]
		makeTenant(t, namespace, v1alpha1.GatewayTenantSpec{Image: "ghcr.io/nvidia/openshell/gateway:" + tag})
		eventually(t, 15*time.Second, func() error {
			pod := &corev1.Pod{}
			if err := admin.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "openshell-gateway-0"}, pod); err != nil {
				return err
			}
			return containerWaits(pod, waits)
		})
		tenant := get(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name)
		ready := meta.FindStatusCondition(tenant.Status.Conditions, v1alpha1.ConditionReady)
		if ready == nil || ready.Status == "True" || !meta.IsStatusConditionTrue(tenant.Status.Conditions, v1alpha1.ConditionReconciling) {
			t.Errorf("%s: Ready is %+v", tag, ready)
		}
	}
}
