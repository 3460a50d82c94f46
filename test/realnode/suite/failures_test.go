//go:build linux

package suite

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// reportLimit is how long the operator may take to report a failure after the cluster knows of it.
const reportLimit = 20 * time.Second

// snapshot is what the cluster knows about the gateway of a tenant.
type snapshot struct {
	pod    *corev1.Pod // nil if there is none
	events []corev1.Event
	ready  metav1.Condition // of the tenant
}

func look(t *testing.T, namespace string) snapshot {
	t.Helper()
	s, pod, events, tenant := snapshot{}, &corev1.Pod{}, &corev1.EventList{}, &v1alpha1.GatewayTenant{}
	switch err := admin.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: manifests.PodName}, pod); {
	case err == nil:
		s.pod = pod
	case !apierrors.IsNotFound(err):
		t.Fatal(err)
	}
	if err := admin.List(t.Context(), events, client.InNamespace(namespace)); err != nil {
		t.Fatal(err)
	}
	s.events = events.Items
	get(t, tenant, namespace, manifests.GatewayName)
	if ready := meta.FindStatusCondition(tenant.Status.Conditions, v1alpha1.ConditionReady); ready != nil {
		s.ready = *ready
	}
	return s
}

// gatewayStatus returns the status of the gateway's container, an empty one if it has none.
func (s snapshot) gatewayStatus() corev1.ContainerStatus {
	if s.pod == nil || len(s.pod.Status.ContainerStatuses) == 0 {
		return corev1.ContainerStatus{}
	}
	return s.pod.Status.ContainerStatuses[0]
}

// ended returns when a container ended, zero if it has not.
func ended(is corev1.ContainerStatus) time.Time {
	for _, state := range []corev1.ContainerState{is.LastTerminationState, is.State} { // the earlier one first
		if state.Terminated != nil {
			return state.Terminated.FinishedAt.Time
		}
	}
	return time.Time{}
}

// condition returns since when a condition of the pod has a status, zero if it does not have it.
func (s snapshot) condition(name corev1.PodConditionType, status corev1.ConditionStatus) time.Time {
	if s.pod != nil {
		for _, c := range s.pod.Status.Conditions {
			if c.Type == name && c.Status == status {
				return c.LastTransitionTime.Time
			}
		}
	}
	return time.Time{}
}

// event returns the time of the first Event with a reason about an object of this kind, and how many there are.
func (s snapshot) event(kind, reason string) (first time.Time, count int) {
	for _, event := range s.events {
		if event.InvolvedObject.Kind != kind || event.Reason != reason {
			continue
		}
		at := event.FirstTimestamp.Time
		if at.IsZero() {
			at = event.EventTime.Time
		}
		if first.IsZero() || at.Before(first) {
			first = at
		}
		count += occurrences(event)
	}
	return first, count
}

// lastEvent returns the time of the last Event with a reason about an object of this kind, zero if there is none.
func (s snapshot) lastEvent(kind, reason string) (last time.Time) {
	for _, event := range s.events {
		if event.InvolvedObject.Kind == kind && event.Reason == reason && event.LastTimestamp.After(last) {
			last = event.LastTimestamp.Time
		}
	}
	return last
}

func occurrences(event corev1.Event) int {
	if event.Series != nil {
		return int(event.Series.Count)
	}
	return max(1, int(event.Count))
}

// tenantEvents are the reasons of Events about the tenant, in their order, each as often as it occurred.
type tenantEvents struct{ warnings, all []string }

func (s snapshot) tenantEvents() tenantEvents {
	var about tenantEvents
	for _, event := range s.events { // The API server sorts them by their names, which end with their times.
		if event.InvolvedObject.Kind != "GatewayTenant" {
			continue
		}
		reasons := slices.Repeat([]string{event.Reason}, occurrences(event))
		about.all = append(about.all, reasons...)
		if event.Type == corev1.EventTypeWarning {
			about.warnings = append(about.warnings, reasons...)
		}
	}
	return about
}

// failure is a way in which a gateway fails, and what the status must say about it.
type failure struct {
	reason string
	says   []string // parts of the message: the object, the cause and the way out; NS stands for the namespace
	known  func(snapshot) time.Time
	// before are the reasons of the Warning Events about what came before it.
	before []string
	// repeated reports whether the cluster has tried again so often that another Warning Event would have been noticed.
	repeated func(snapshot) bool
}

// check waits until the status reports the failure. That must be soon after the cluster knows of it, and with one Warning
// Event. The times of the cluster are in whole seconds, so the measured delay is up to a second too long.
func (f failure) check(t *testing.T, namespace string) {
	t.Helper()
	var known, said time.Time
	cluster.Eventually(t, 2*time.Minute, func() error {
		s := look(t, namespace)
		if known.IsZero() {
			known = f.known(s)
		}
		if !known.IsZero() && time.Since(known) > reportLimit+5*time.Second {
			t.Fatalf("the cluster has known of the failure since %s, and the status is: %s", known.Format(time.TimeOnly), asJSON(s.ready))
		}
		if s.ready.Status == metav1.ConditionTrue || s.ready.Reason != f.reason {
			return fmt.Errorf("the condition Ready is %s (%s): %s, want %s; the pod: %s",
				s.ready.Status, s.ready.Reason, s.ready.Message, f.reason, podText(s.pod))
		}
		for _, want := range f.says {
			if want = strings.ReplaceAll(want, "NS", namespace); !strings.Contains(s.ready.Message, want) {
				return fmt.Errorf("the message lacks %q: %s", want, s.ready.Message)
			}
		}
		if said = time.Now(); known.IsZero() {
			return fmt.Errorf("the status reports %s, which cannot be known yet; the pod: %s", s.ready.Message, podText(s.pod))
		}
		return nil
	})
	delay := said.Sub(known)
	t.Logf("reported at most %s after the cluster knew: %s: %s", delay.Round(100*time.Millisecond), f.reason, look(t, namespace).ready.Message)
	if delay > reportLimit {
		t.Errorf("reported after %s, want at most %s", delay, reportLimit)
	}
	if f.repeated != nil {
		cluster.Eventually(t, 90*time.Second, func() error {
			if s := look(t, namespace); !f.repeated(s) {
				return fmt.Errorf("the cluster has not tried again several times; the pod: %s", podText(s.pod))
			}
			return nil
		})
	}
	if is, want := look(t, namespace).tenantEvents(), append(f.before, f.reason); !slices.Equal(is.warnings, want) {
		t.Errorf("the tenant has the Warning Events %v, want one each: %v; all of its Events: %v", is.warnings, want, is.all)
	}
}

// podText describes a pod in an error message.
func podText(pod *corev1.Pod) string {
	if pod == nil {
		return "none"
	}
	return asJSON(pod.Status)
}
