package gatewaytenant

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestCrashLoopIsOneWarningAndOneWrite has crashes as a kubelet reports them: terminated, a second later waiting, then running again.
// The log differs each time.
func TestCrashLoopIsOneWarningAndOneWrite(t *testing.T) {
	d := newDiagnosis(t)
	log := func(crash int32) string {
		at := fmt.Sprintf("\x1b[2m2026-11-29T10:%02d:07.%06dZ\x1b[0m", crash, 123456+crash)
		return strings.Repeat("x", 3000) + "cut in the middle of a line\n" +
			at + " \x1b[32m INFO\x1b[0m \x1b[2mopenshell_server\x1b[0m: listening, attempt 7, pid=" + fmt.Sprint(10+crash) + "\n" +
			at + " \x1b[31mERROR\x1b[0m migration of table 4 failed after " + fmt.Sprint(30+crash) + "ms\n" +
			"Error:   \x1b[31m×\x1b[0m failed to open the database, connection " + fmt.Sprint(7000+crash) + ", since the disk is read-\n" +
			"  \x1b[31m│\x1b[0m only\n" +
			"  \x1b[31m╰─▶\x1b[0m Read-only file system (os error 30)\n"
	}
	var is metav1.Condition
	for crash := range int32(4) {
		pod := d.pod(ready)
		container := &pod.Status.ContainerStatuses[0]
		container.Ready, container.RestartCount = false, crash
		pod.Status.Conditions[1].Status, pod.Status.Conditions[2].Status = corev1.ConditionFalse, corev1.ConditionFalse
		pod.Status.Conditions[1].Reason = "ContainersNotReady"
		container.State = terminated("Error", 1, log(crash))
		d.observe(time.Second, pod.DeepCopy())
		container.LastTerminationState = container.State
		container.State = waiting("CrashLoopBackOff", fmt.Sprintf("back-off %ds restarting failed container", 10<<crash))
		d.observe(time.Second, pod.DeepCopy())
		container.State, container.RestartCount = running(d.clock), crash+1
		is = d.observe(time.Second, pod.DeepCopy())
	}
	d.expect(is, "CrashLoop", "exit code 1", "connection 7000, since the disk is read-only / Read-only file system (os error 30)",
		"kubectl logs openshell-gateway-0 -n tenant-a -c openshell-gateway --previous")
	if d.writes != 1 {
		t.Errorf("the status is written %d times, want once", d.writes)
	}
	for _, text := range []string{"\x1b", "10:00", "cut in the middle", "attempt"} {
		if strings.Contains(is.Message, text) {
			t.Errorf("Ready has the message %q, want it without %q", is.Message, text)
		}
	}
}

// TestChangedSpecIsReportedWithItsOutput expects the present output after a change of the spec, also if only a number differs.
func TestChangedSpecIsReportedWithItsOutput(t *testing.T) {
	d := newDiagnosis(t)
	d.observe(0, d.pod(crashed("Error", 1, "Error: port 1 is in use")))
	d.gt.Generation++
	if is := d.observe(0, d.pod(crashed("Error", 1, "Error: port 2 is in use"))); !strings.Contains(is.Message, "port 2") {
		t.Errorf("Ready has the message %q, want the output of the last crash", is.Message)
	}
}
