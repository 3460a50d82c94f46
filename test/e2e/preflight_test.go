package e2e

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// confirmCommand matches the command that a message suggests.
var confirmCommand = regexp.MustCompile(`to replace the gateway nevertheless, run: kubectl (annotate --overwrite gwt [^;]+)`)

// confirm runs the command that a message suggests.
func confirm(t *testing.T, message string) {
	t.Helper()
	command := confirmCommand.FindStringSubmatch(message)
	if command == nil {
		t.Fatalf("Ready says %q, want a command in it", message)
	}
	if _, err := cluster.Kubectl(t.Context(), strings.Fields(command[1])...); err != nil {
		t.Fatal(err)
	}
}

// waitNoPreflight waits until the preflight has stopped the replacement of a gateway, which must keep serving. It returns the message.
func waitNoPreflight(t *testing.T, namespace, reason string) string {
	t.Helper()
	tenant := waitCondition(t, namespace, v1alpha1.ConditionReady, metav1.ConditionFalse, reason)
	if !meta.IsStatusConditionTrue(tenant.Status.Conditions, v1alpha1.ConditionAvailable) || tenant.Status.Version != "0.1.3" {
		t.Errorf("the gateway that runs is %s, and Available says %q", tenant.Status.Version, messageOf(tenant, v1alpha1.ConditionAvailable))
	}
	operator.waitIdle(t, writesTo(namespace))
	return messageOf(tenant, v1alpha1.ConditionReady)
}

// TestPreflightStopsAnUpgrade: the gateway that runs is not replaced by an image that rejects its gateway.toml, or whose preflight cannot run,
// until the spec is corrected or the replacement is confirmed.
func TestPreflightStopsAnUpgrade(t *testing.T) {
	t.Parallel()
	const namespace = "preflight-stops"
	to := func(tag string) {
		t.Helper()
		change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { s.Image = gatewayRepository + tag })
	}
	cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{Image: gatewayRepository + "0.1.3"})
	waitReady(t, namespace)
	pod, file := podUID(t, namespace), waitOneFile(t, namespace)
	withdraw := func() {
		t.Helper()
		to("0.1.3")
		waitReady(t, namespace)
		if is := waitOneFile(t, namespace); is != file || podUID(t, namespace) != pod {
			t.Errorf("the file is %s, before %s, and the pod %s, before %s", is, file, podUID(t, namespace), pod)
		}
	}

	to("0.1.4-crashes")
	message := waitNoPreflight(t, namespace, v1alpha1.ReasonPreflightBlocked)
	if !strings.Contains(message, "container preflight failed (Error, exit code 1)") {
		t.Errorf("Ready says %q, want why the Job failed", message)
	}
	withdraw()

	to("0.1.4-rejects")
	waitNoPreflight(t, namespace, v1alpha1.ReasonPreflightFailed)
	if keys := fileKeys(t, namespace); len(keys) != 2 || !slices.Contains(keys, file) || podUID(t, namespace) != pod {
		t.Errorf("the files are %q, want %s and the next one; the pod is %s, want %s", keys, file, podUID(t, namespace), pod)
	}
	withdraw()

	to("0.1.4-rejects")
	message = waitNoPreflight(t, namespace, v1alpha1.ReasonPreflightFailed)
	operator.quietFor(t, 2*time.Second, writesTo(namespace))
	if !strings.Contains(message, "(missing_path)") {
		t.Errorf("Ready says %q, want the category missing_path", message)
	}
	confirm(t, message)
	waitVersionOf(t, namespace, "0.1.4-rejects", "0.1.4")
	if waitOneFile(t, namespace) == file || podUID(t, namespace) == pod {
		t.Error("the failure is confirmed, and the pod is the old one")
	}
}

// TestConfirmedImageThatDoesNotStart: what is confirmed although it does not start can be taken back.
func TestConfirmedImageThatDoesNotStart(t *testing.T) {
	t.Parallel()
	const namespace = "preflight-confirmed"
	cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{Image: gatewayRepository + "0.1.3"})
	waitReady(t, namespace)
	file := waitOneFile(t, namespace)
	change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { s.Image = gatewayRepository + "0.1.4-crashes" })
	confirm(t, waitNoPreflight(t, namespace, v1alpha1.ReasonPreflightBlocked))
	waitCondition(t, namespace, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonCrashLoop)
	if keys := fileKeys(t, namespace); len(keys) != 2 || !slices.Contains(keys, file) {
		t.Errorf("the files are %q, want %s and that of the gateway that does not start", keys, file)
	}
	change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { s.Image = gatewayRepository + "0.1.3" })
	waitReady(t, namespace)
	if is := waitOneFile(t, namespace); is != file {
		t.Errorf("the file is %s, want %s", is, file)
	}
}
