package e2e

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// TestLargeEventsNeitherFillTheOperatorNorHideTheCause creates Events of 1 MB about a gateway that is refused its pod.
func TestLargeEventsNeitherFillTheOperatorNorHideTheCause(t *testing.T) {
	const namespace = "large-events"
	cluster.CreateNamespace(t, namespace)
	makeQuota(t, namespace)
	cluster.Create(t, operatortest.Tenant(namespace, v1alpha1.GatewayTenantSpec{}))
	set := &appsv1.StatefulSet{}
	cluster.Eventually(t, 15*time.Second, func() error {
		return admin.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: v1alpha1.Name}, set)
	})
	for i := range 20 {
		cluster.Create(t, &corev1.Event{
			ObjectMeta:     metav1.ObjectMeta{Name: fmt.Sprintf("a-%d", i), Namespace: namespace},
			InvolvedObject: corev1.ObjectReference{Kind: "StatefulSet", Namespace: namespace, Name: set.Name, UID: set.UID},
			Reason:         "FailedCreate", Message: "a lie " + strings.Repeat("x", 1<<20), LastTimestamp: metav1.Unix(1, 0),
		})
	}
	cluster.Eventually(t, 20*time.Second, func() error {
		tenant := get(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name)
		if message := messageOf(tenant, v1alpha1.ConditionReady); !strings.Contains(message, "exceeded quota") {
			return fmt.Errorf("Ready says %q", message)
		}
		return nil
	})
	for _, read := range operator.Take(liveReads) {
		if strings.Contains(read, "/events") && (!strings.Contains(read, "limit=") || !strings.Contains(read, string(set.UID))) {
			t.Errorf("%s: Events are read without a limit or of other objects", read)
		}
	}
	removeQuota(t, namespace)
	waitReady(t, namespace)
	operator.QuietFor(t, 5*time.Second, func(request string) bool { return liveReads(request) && strings.Contains(request, "/"+namespace+"/") })
}

// TestForeignPortIsRemovedBehindLargeManagedFields adds a port to a gateway's Service, together with so many annotations
// that managedFields are too large for the operator's cache.
func TestForeignPortIsRemovedBehindLargeManagedFields(t *testing.T) {
	t.Parallel()
	const namespace = "large-fields"
	cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{})
	waitReady(t, namespace)
	var patch strings.Builder
	for i := range 4000 {
		fmt.Fprintf(&patch, `"example.com/some-annotation-%d":"",`, i)
	}
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.Name, Namespace: namespace}}
	text := fmt.Sprintf(`{"metadata":{"annotations":{%s}},"spec":{"ports":[{"name":"foreign","port":9999,"targetPort":9999}]}}`, strings.TrimSuffix(patch.String(), ","))
	if err := admin.Patch(t.Context(), service, client.RawPatch(types.StrategicMergePatchType, []byte(text)), client.FieldOwner("somebody")); err != nil {
		t.Fatal(err)
	}
	size := 0
	for _, entry := range service.ManagedFields {
		size += len(entry.FieldsV1.GetRawBytes())
	}
	if size < 64<<10 || service.Spec.Ports[len(service.Spec.Ports)-1].TargetPort != intstr.FromInt32(9999) && service.Spec.Ports[0].TargetPort != intstr.FromInt32(9999) {
		t.Fatalf("managedFields have %d bytes, ports are %v", size, service.Spec.Ports)
	}
	cluster.Eventually(t, 10*time.Second, func() error {
		for _, port := range get(t, &corev1.Service{}, namespace, v1alpha1.Name).Spec.Ports {
			if port.Port == 9999 {
				return errors.New("the foreign port is there")
			}
		}
		return nil
	})
	if kept := len(get(t, &corev1.Service{}, namespace, v1alpha1.Name).Annotations); kept < 4000 {
		t.Errorf("of the annotations %d are left", kept)
	}
	settledWrites(t, namespace)
}
