package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// keptJob creates a Job with the name of certgen's that a finalizer of another client keeps, and deletes it.
func keptJob(t *testing.T, namespace string) *batchv1.Job {
	t.Helper()
	yes := true
	job := &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Name: manifests.CertgenName, Namespace: namespace, Labels: map[string]string{manifests.LabelName: manifests.AppName}, Finalizers: []string{"example.com/x"}},
		Spec: batchv1.JobSpec{Suspend: &yes, Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyNever, Containers: []corev1.Container{{Name: "c", Image: "x"}},
		}}},
	}
	cluster.Create(t, job)
	t.Cleanup(func() { _ = release(context.Background(), job) })
	if err := admin.Delete(t.Context(), job, client.PropagationPolicy(metav1.DeletePropagationBackground)); err != nil {
		t.Fatal(err)
	}
	return job
}

// release removes the finalizers of a Job, as the command in the message does.
func release(ctx context.Context, job *batchv1.Job) error {
	return admin.Patch(ctx, job, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`)))
}

// says waits until CertificatesReady has a reason and a text in its message.
func says(t *testing.T, namespace string, status metav1.ConditionStatus, reason, text string) {
	t.Helper()
	cluster.Eventually(t, 30*time.Second, func() error {
		is := meta.FindStatusCondition(get(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name).Status.Conditions, v1alpha1.ConditionCertificatesReady)
		if is == nil || is.Status != status || is.Reason != reason || !strings.Contains(is.Message, text) {
			return fmt.Errorf("CertificatesReady is %+v, want %s, %s with %q", is, status, reason, text)
		}
		return nil
	})
}

// TestJobThatAFinalizerKeepsIsNamed, to a new tenant and to one that serves, and certgen runs when the Job is gone.
func TestJobThatAFinalizerKeepsIsNamed(t *testing.T) {
	t.Parallel()
	const namespace, wayOut = "kept-job", "finalizer example.com/x keeps it; the client that set it must remove it; if that client no longer exists: kubectl patch job openshell-gateway-certgen -n kept-job"
	cluster.CreateNamespace(t, namespace)
	job := keptJob(t, namespace)
	cluster.Create(t, operatortest.Tenant(namespace, v1alpha1.GatewayTenantSpec{}))
	says(t, namespace, metav1.ConditionFalse, v1alpha1.ReasonIssueFailed, wayOut)
	settledWrites(t, namespace)
	if err := release(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	waitReady(t, namespace)

	certgen := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: manifests.CertgenName, Namespace: namespace}}
	if err := admin.Patch(t.Context(), certgen, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":["example.com/x"]}}`))); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = release(context.Background(), certgen) })
	if err := admin.Delete(t.Context(), certgen, client.PropagationPolicy(metav1.DeletePropagationBackground)); err != nil {
		t.Fatal(err)
	}
	says(t, namespace, metav1.ConditionTrue, v1alpha1.ReasonRenewalBlocked, "is due for renewal at ")
	tenant := waitCondition(t, namespace, v1alpha1.ConditionWarning, metav1.ConditionTrue, v1alpha1.ReasonRenewalBlocked)
	if message := messageOf(tenant, v1alpha1.ConditionWarning); !strings.Contains(message, wayOut) || !meta.IsStatusConditionTrue(tenant.Status.Conditions, v1alpha1.ConditionReady) {
		t.Errorf("conditions: %+v", tenant.Status.Conditions)
	}
	if err := release(t.Context(), certgen); err != nil {
		t.Fatal(err)
	}
	says(t, namespace, metav1.ConditionTrue, v1alpha1.ReasonIssued, "all certificates and token keys are present and valid")
}
