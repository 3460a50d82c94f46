package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/options"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// certgenSays waits until CertificatesReady tells, in these words, that certgen fails.
func certgenSays(t *testing.T, namespace string, words ...string) {
	t.Helper()
	var message string
	cluster.Eventually(t, 15*time.Second, func() error {
		tenant := get(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name)
		condition := meta.FindStatusCondition(tenant.Status.Conditions, v1alpha1.ConditionCertificatesReady)
		if condition == nil || condition.Status != metav1.ConditionFalse || condition.Reason != v1alpha1.ReasonIssueFailed {
			return fmt.Errorf("CertificatesReady is %+v", condition)
		}
		message = condition.Message
		for _, word := range words {
			if !strings.Contains(message, word) {
				return fmt.Errorf("the message is %q, want %q in it", message, word)
			}
		}
		return nil
	})
	t.Log(message)
}

func TestCertgenThatFailsIsToldAndRecovers(t *testing.T) {
	for _, c := range []struct {
		tag   string
		until func(t *testing.T, namespace string) // what the test must do for it to fail soon
		words []string
	}{
		{"-never-pulls", nil, []string{"cannot be pulled", "gatewaytenant-operator:latest-never-pulls", "not found"}},
		{"-crashes", nil, []string{"exit code 1", "crashes, as its tag says"}},
		{"-hangs", shortDeadline, []string{"Job failed", "deadline"}},
	} {
		t.Run(c.tag[1:], func(t *testing.T) {
			withOptions(t, func(o *options.Options) { o.CertgenImage += c.tag })
			namespace := "certgen" + c.tag
			cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{})
			if c.until != nil {
				c.until(t, namespace)
			}
			certgenSays(t, namespace, c.words...)
			settledWrites(t, namespace)
			restart(t)
			waitReady(t, namespace)
		})
	}
}

// shortDeadline makes the Job's deadline one that a test can wait for.
func shortDeadline(t *testing.T, namespace string) {
	t.Helper()
	job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: manifests.CertgenName, Namespace: namespace}}
	cluster.Eventually(t, 15*time.Second, func() error {
		return admin.Patch(t.Context(), job, client.RawPatch(types.MergePatchType, []byte(`{"spec":{"activeDeadlineSeconds":2}}`)))
	})
}

// settledWrites fails the test if the operator goes on writing about a tenant at which nothing new is wrong.
func settledWrites(t *testing.T, namespace string) {
	t.Helper()
	match := func(request string) bool {
		return operatortest.Writes(request) && strings.Contains(request, "/"+namespace+"/")
	}
	operator.waitIdle(t, match)
	operator.QuietFor(t, 5*time.Second, match) // shorter than the wait before a Job that failed is run again
}

func TestQuotaThatRefusesCertgenIsTold(t *testing.T) {
	t.Parallel()
	const namespace = "certgen-over-quota"
	cluster.CreateNamespace(t, namespace)
	quota := &corev1.ResourceQuota{
		ObjectMeta: metav1.ObjectMeta{Name: "no-pods", Namespace: namespace},
		Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{corev1.ResourcePods: resource.MustParse("0")}},
	}
	cluster.Create(t, quota)
	cluster.Eventually(t, 15*time.Second, func() error {
		if hard := get(t, &corev1.ResourceQuota{}, namespace, "no-pods").Status.Hard; len(hard) == 0 {
			return fmt.Errorf("the quota is not in force yet")
		}
		return nil
	})
	cluster.Create(t, operatortest.Tenant(namespace, v1alpha1.GatewayTenantSpec{}))
	certgenSays(t, namespace, "refuses the pod", "exceeded quota: no-pods")
	settledWrites(t, namespace)
	if err := admin.Delete(t.Context(), quota); err != nil {
		t.Fatal(err)
	}
	cluster.Eventually(t, time.Minute, func() error { // the Job's own controller backs off, too
		tenant := get(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name)
		if !meta.IsStatusConditionTrue(tenant.Status.Conditions, v1alpha1.ConditionReady) {
			return fmt.Errorf("conditions: %+v", tenant.Status.Conditions)
		}
		return nil
	})
}
