package e2e

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

const gatewayRepository = "ghcr.io/nvidia/openshell/gateway:"

// messageOf is what a condition of a tenant says, empty if it is not there.
func messageOf(tenant *v1alpha1.GatewayTenant, condition string) string {
	if is := meta.FindStatusCondition(tenant.Status.Conditions, condition); is != nil {
		return is.Message
	}
	return ""
}

// warningOf returns what a tenant warns of. It is empty if it warns of the open default alone, as nearly every tenant does.
func warningOf(tenant *v1alpha1.GatewayTenant) string {
	is := meta.FindStatusCondition(tenant.Status.Conditions, v1alpha1.ConditionWarning)
	if is == nil || is.Reason == v1alpha1.ReasonOpenDefault {
		return ""
	}
	return is.Reason + ": " + is.Message
}

// TestVersionsThatTheVolumeCannotShareAreHeld also where the tenant was deleted meanwhile and its volume stayed.
func TestVersionsThatTheVolumeCannotShareAreHeld(t *testing.T) {
	t.Parallel()
	const namespace = "held"
	cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{Image: gatewayRepository + "0.0.71"})
	waitReady(t, namespace)
	pod := podUID(t, namespace)
	to := func(version string) {
		t.Helper()
		change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { s.Image = gatewayRepository + version })
	}
	held := func(word string) {
		t.Helper()
		tenant := waitCondition(t, namespace, v1alpha1.ConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonVersionHeld)
		if message := messageOf(tenant, v1alpha1.ConditionReady); !strings.Contains(message, word) || !strings.Contains(message, "confirm-version=") {
			t.Errorf("Ready says %q; want %q and the way on", message, word)
		}
	}
	to("0.0.90")
	held("migrated for good")
	operator.quietFor(t, time.Second, statefulSetWrites(namespace))
	if podUID(t, namespace) != pod {
		t.Error("a version that is held restarted the pod")
	}
	if tenant := get(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name); !meta.IsStatusConditionTrue(tenant.Status.Conditions, v1alpha1.ConditionAvailable) {
		t.Errorf("what runs is ready, and Available says %q", messageOf(tenant, v1alpha1.ConditionAvailable))
	}
	annotate(t, namespace, v1alpha1.AnnotationConfirmVersion, "0.0.90")
	waitReady(t, namespace)
	if now := podUID(t, namespace); now == pod {
		t.Error("the version was confirmed, and the pod is the old one")
	}

	annotate(t, namespace, v1alpha1.AnnotationConfirmVersion, "")
	waitReady(t, namespace) // nothing is asked twice
	to("0.0.71")
	held("does not start")
	if err := admin.Delete(t.Context(), get(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name)); err != nil {
		t.Fatal(err)
	}
	waitGone(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name)
	cluster.Create(t, operatortest.Tenant(namespace, v1alpha1.GatewayTenantSpec{Image: gatewayRepository + "0.0.71"}))
	held("does not start")
	to("0.0.90")
	waitReady(t, namespace)
}

// TestUnsupportedReleaseKeepsRunning: an earlier operator accepted the release. Nothing but the status is written, and a
// supported release can be set.
func TestUnsupportedReleaseKeepsRunning(t *testing.T) {
	const namespace, old = "unsupported", gatewayRepository + "0.0.60"
	cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{Image: gatewayRepository + "0.0.71"})
	waitReady(t, namespace)
	operator.stop(t)
	change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { s.Image = old })
	annotate(t, namespace, v1alpha1.AnnotationConfirmVersion, "0.0.60")
	before := get(t, &appsv1.StatefulSet{}, namespace, manifests.GatewayName)
	after := before.DeepCopy()
	after.Spec.Template.Spec.Containers[0].Image = old
	if err := admin.Patch(t.Context(), after, client.MergeFrom(before)); err != nil {
		t.Fatal(err)
	}
	cluster.Eventually(t, 30*time.Second, func() error {
		set := get(t, &appsv1.StatefulSet{}, namespace, manifests.GatewayName)
		if set.Status.ObservedGeneration < set.Generation || set.Status.UpdatedReplicas != 1 || set.Status.ReadyReplicas != 1 || set.Status.CurrentRevision != set.Status.UpdateRevision {
			return errStill
		}
		return nil
	})
	running := fingerprints(t, namespace)
	if err := operator.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	tenant := waitCondition(t, namespace, v1alpha1.ConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonVersionUnsupported)
	if !meta.IsStatusConditionTrue(tenant.Status.Conditions, v1alpha1.ConditionAvailable) || !strings.Contains(messageOf(tenant, v1alpha1.ConditionReady), "0.0.71 to 0.0.111") {
		t.Errorf("Available: %s; Ready: %s", messageOf(tenant, v1alpha1.ConditionAvailable), messageOf(tenant, v1alpha1.ConditionReady))
	}
	settle(t)
	if now := fingerprints(t, namespace); now != running {
		t.Errorf("objects of a rejected release changed:\n%s\nbefore:\n%s", now, running)
	}
	change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { s.Image = "" })
	waitReady(t, namespace)
}

// TestGatewayWaitsForTheSandboxAPI where it would not start without it, and warns where it would.
func TestGatewayWaitsForTheSandboxAPI(t *testing.T) {
	cluster.CreateTenant(t, "api-warned", v1alpha1.GatewayTenantSpec{Image: gatewayRepository + "0.0.71"})
	if warning := warningOf(waitReady(t, "api-warned")); warning != "" {
		t.Errorf("Warning: %s", warning)
	}
	crd := get(t, &apiextensionsv1.CustomResourceDefinition{}, "", manifests.SandboxCRD)
	remade := &apiextensionsv1.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: crd.Name, Annotations: crd.Annotations}, Spec: crd.Spec}
	if err := admin.Delete(t.Context(), crd); err != nil {
		t.Fatal(err)
	}
	waitCondition(t, "api-warned", v1alpha1.ConditionWarning, metav1.ConditionTrue, v1alpha1.ReasonSandboxAPIMissing)
	waitGone(t, crd, "", crd.Name)
	cluster.CreateTenant(t, "api-needed", v1alpha1.GatewayTenantSpec{Image: gatewayRepository + "0.0.111"})
	tenant := waitCondition(t, "api-needed", v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonSandboxAPIMissing)
	cluster.Eventually(t, 15*time.Second, func() error {
		names, _ := objectsIn(t, "api-needed", nil)
		if slices.Contains(names, "StatefulSet/openshell-gateway") {
			t.Fatal("the gateway was started, and could not")
		}
		tenant = get(t, tenant, "api-needed", v1alpha1.Name)
		if !meta.IsStatusConditionTrue(tenant.Status.Conditions, v1alpha1.ConditionCertificatesReady) {
			return errStill
		}
		return nil
	})
	if err := admin.Create(t.Context(), remade); err != nil {
		t.Fatal(err)
	}
	waitReady(t, "api-needed")
	cluster.Eventually(t, 15*time.Second, func() error {
		if tenant = get(t, tenant, "api-warned", v1alpha1.Name); warningOf(tenant) != "" {
			return errStill
		}
		return nil
	})
}

// TestGatewayThatRefusesSandboxesOfANewAgentSandbox warns as soon as the cluster serves the API of agent-sandbox 0.5, and no
// longer once its image is newer.
func TestGatewayThatRefusesSandboxesOfANewAgentSandbox(t *testing.T) {
	const namespace = "new-agent-sandbox"
	cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{Image: gatewayRepository + "0.0.71"})
	waitReady(t, namespace)
	crd := get(t, &apiextensionsv1.CustomResourceDefinition{}, "", manifests.SandboxCRD)
	old := &apiextensionsv1.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: crd.Name, Annotations: crd.Annotations}, Spec: *crd.Spec.DeepCopy()}
	beta := *crd.Spec.Versions[0].DeepCopy()
	beta.Name, crd.Spec.Versions[0].Storage = "v1beta1", false
	crd.Spec.Versions = append(crd.Spec.Versions, beta)
	if err := admin.Update(t.Context(), crd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // a version that was the storage version cannot be removed
		if err := admin.Delete(context.Background(), crd); err != nil {
			t.Error(err)
		}
		cluster.Eventually(t, 30*time.Second, func() error { return admin.Create(context.Background(), old.DeepCopy()) })
	})
	waitCondition(t, namespace, v1alpha1.ConditionWarning, metav1.ConditionTrue, v1alpha1.ReasonAgentSandboxUnsupported)
	waitReady(t, namespace)
	change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { s.Image = gatewayRepository + "0.0.72" })
	waitReady(t, namespace)
	cluster.Eventually(t, 15*time.Second, func() error {
		tenant := get(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name)
		if warningOf(tenant) != "" {
			return errStill
		}
		return nil
	})
}

// TestGatewayWithoutOIDCIsOpen: the condition says so, no Event does, and OIDC ends it.
func TestGatewayWithoutOIDCIsOpen(t *testing.T) {
	t.Parallel()
	const namespace = "open-default"
	cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{})
	waitReady(t, namespace)
	waitCondition(t, namespace, v1alpha1.ConditionWarning, metav1.ConditionTrue, v1alpha1.ReasonOpenDefault)
	operator.waitIdle(t, writesTo(namespace))
	list := &eventsv1.EventList{}
	if err := admin.List(t.Context(), list, client.InNamespace(namespace)); err != nil {
		t.Fatal(err)
	}
	for _, event := range list.Items {
		if event.Regarding.Kind == "GatewayTenant" && event.Type == corev1.EventTypeWarning {
			t.Errorf("Event %s: %s", event.Reason, event.Note)
		}
	}
	change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) {
		s.Config = "[openshell.gateway.oidc]\nissuer = 'https://idp.example.com'\naudience = 'openshell'\n"
	})
	cluster.Eventually(t, 15*time.Second, func() error {
		tenant := get(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name)
		if meta.FindStatusCondition(tenant.Status.Conditions, v1alpha1.ConditionWarning) != nil {
			return errStill
		}
		return nil
	})
}

// TestWhatShouldBeKnownIsAWarning and stops nothing.
func TestWhatShouldBeKnownIsAWarning(t *testing.T) {
	t.Parallel()
	const namespace = "warned"
	cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{SandboxTokens: v1alpha1.SandboxTokensDisabled})
	waitReady(t, namespace)
	tenant := waitCondition(t, namespace, v1alpha1.ConditionWarning, metav1.ConditionTrue, v1alpha1.ReasonSandboxTokensDisabled)
	before := get(t, &corev1.Namespace{}, "", namespace)
	after := before.DeepCopy()
	after.Labels["pod-security.kubernetes.io/enforce"] = "restricted"
	if err := admin.Patch(t.Context(), after, client.MergeFrom(before)); err != nil {
		t.Fatal(err)
	}
	cluster.Eventually(t, 15*time.Second, func() error {
		if tenant = get(t, tenant, namespace, v1alpha1.Name); !strings.Contains(messageOf(tenant, v1alpha1.ConditionWarning), "enforce=restricted") {
			return errStill
		}
		return nil
	})
}
