package e2e

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/options"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// TestSomebodysWebhookThatTimesOutIsToldAndDelaysNobodyElse: with as few workers as let one wait, and another work.
func TestSomebodysWebhookThatTimesOutIsToldAndDelaysNobodyElse(t *testing.T) {
	withOptions(t, func(o *options.Options) { o.Concurrency = 2 })
	for _, c := range []struct {
		resource, group string
		mutating        bool
	}{
		{"configmaps", "", false},
		{"statefulsets", "apps", true},
	} {
		t.Run(c.resource, func(t *testing.T) {
			namespace := "webhook-" + c.resource
			cluster.CreateNamespace(t, namespace)
			remove := makeWebhook(t, namespace, c.group, c.resource, c.mutating)
			cluster.Create(t, operatortest.Tenant(namespace, v1alpha1.GatewayTenantSpec{}))
			waitSays(t, namespace, 30*time.Second, metav1.ConditionFalse, v1alpha1.ReasonApplyFailed, `failed calling webhook "slow.example.com"`)
			stop := neverReady(t, namespace)
			var others []string
			began := time.Now()
			for i := range 5 {
				others = append(others, fmt.Sprint(namespace, "-other-", i))
				cluster.CreateTenant(t, others[i], v1alpha1.GatewayTenantSpec{})
			}
			for _, other := range others {
				waitReady(t, other)
			}
			t.Logf("%d others are Ready within %s", len(others), time.Since(began).Round(100*time.Millisecond))
			waitCondition(t, namespace, v1alpha1.ConditionCertificatesReady, metav1.ConditionTrue, v1alpha1.ReasonIssued)
			if *faultyShare == 0 { // else what else fails is told in turn
				atRest(t, namespace)
			}
			stop()
			remove()
			gone := time.Now()
			waitSays(t, namespace, mostBackoff+15*time.Second, metav1.ConditionTrue, v1alpha1.ReasonReady, "")
			t.Logf("Ready %s after the webhook went", time.Since(gone).Round(100*time.Millisecond))
		})
	}
}

// mostBackoff is the longest wait of the operator after an error.
const mostBackoff = 30 * time.Second

// makeWebhook has the API server ask somebody who never answers about a resource in one namespace.
func makeWebhook(t *testing.T, namespace, group, resource string, mutating bool) (remove func()) {
	t.Helper()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // the system takes connections, and nobody reads from them
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	fail, none, seconds, url := admissionv1.Fail, admissionv1.SideEffectClassNone, int32(3), "https://"+silent.Addr().String()+"/"
	to := admissionv1.WebhookClientConfig{URL: &url}
	selector := &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: namespace}}
	rules := []admissionv1.RuleWithOperations{{
		Operations: []admissionv1.OperationType{admissionv1.Create, admissionv1.Update},
		Rule:       admissionv1.Rule{APIGroups: []string{group}, APIVersions: []string{"v1"}, Resources: []string{resource}},
	}}
	const name = "slow.example.com"
	named := metav1.ObjectMeta{Name: namespace}
	var config client.Object = &admissionv1.ValidatingWebhookConfiguration{ObjectMeta: named, Webhooks: []admissionv1.ValidatingWebhook{{
		Name: name, ClientConfig: to, NamespaceSelector: selector, Rules: rules, FailurePolicy: &fail, SideEffects: &none, TimeoutSeconds: &seconds, AdmissionReviewVersions: []string{"v1"},
	}}}
	if mutating {
		config = &admissionv1.MutatingWebhookConfiguration{ObjectMeta: named, Webhooks: []admissionv1.MutatingWebhook{{
			Name: name, ClientConfig: to, NamespaceSelector: selector, Rules: rules, FailurePolicy: &fail, SideEffects: &none, TimeoutSeconds: &seconds, AdmissionReviewVersions: []string{"v1"},
		}}}
	}
	cluster.Create(t, config)
	t.Cleanup(func() { _ = admin.Delete(context.Background(), config) })
	time.Sleep(2 * time.Second) // The API server reads webhooks from a cache. A probe would take as long as their timeout.
	return func() {
		t.Helper()
		if err := admin.Delete(t.Context(), config); err != nil {
			t.Fatal(err)
		}
	}
}

// waitSays waits until Ready is as given, in these words.
func waitSays(t *testing.T, namespace string, limit time.Duration, status metav1.ConditionStatus, reason, words string) {
	t.Helper()
	cluster.Eventually(t, limit, func() error {
		tenant := &v1alpha1.GatewayTenant{}
		if err := admin.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: v1alpha1.Name}, tenant); err != nil {
			return err
		}
		is := meta.FindStatusCondition(tenant.Status.Conditions, v1alpha1.ConditionReady)
		if is == nil || is.Status != status || is.Reason != reason || !strings.Contains(is.Message, words) {
			return fmt.Errorf("%s: Ready is %+v", namespace, is)
		}
		return nil
	})
}
