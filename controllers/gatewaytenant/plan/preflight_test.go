package plan

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/diagnose"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

const (
	lastOfSchema1 = "ghcr.io/nvidia/openshell/gateway:0.0.111"
	nextImage     = "ghcr.io/nvidia/openshell/gateway:0.1.3"
	preflightRuns = "update StatefulSet openshell-gateway, blocked: the gateway that runs is not replaced before the preflight of the next gateway.toml has succeeded"
)

// newUpgrade returns a fixture in which gateway 0.0.111 serves and its tenant has requested and confirmed 0.1.3.
func newUpgrade(t *testing.T) *fixture {
	t.Helper()
	f := newTenant(t)
	f.tenant.Spec.Image = lastOfSchema1
	f.certificates.Complete, f.certificates.Findings, f.certificates.TokenKeyID = true, nil, "key-1"
	f.execute()
	f.serve("1")
	f.tenant.Spec.Image = nextImage
	f.tenant.Annotations = map[string]string{v1alpha1.AnnotationConfirmVersion: "0.1.3"}
	return f
}

// endPreflight ends the preflight Job with a condition.
func (f *fixture) endPreflight(condition batchv1.JobConditionType, at metav1.Time) {
	f.t.Helper()
	f.cluster.Set(observe.Preflight, map[string]any{"conditions": []any{
		map[string]any{"type": string(condition), "status": "True", "lastTransitionTime": at.UTC().Format("2006-01-02T15:04:05Z")},
	}}, "status")
}

// files returns the keys of the ConfigMap.
func (f *fixture) files() []string {
	f.t.Helper()
	data, _, _ := unstructured.NestedStringMap(f.cluster.Snapshot().Find(configMap).Object, "data")
	var keys []string
	for key, text := range data {
		version := "schema 1"
		if strings.Contains(text, "version = 2") {
			version = "schema 2"
		}
		if key != manifests.ConfigKey {
			key = "one of its own"
		}
		keys = append(keys, key+": "+version)
	}
	slices.Sort(keys)
	return keys
}

// wish returns the annotation of the preflight Job that names what it checks.
func (f *fixture) wish() string {
	f.t.Helper()
	return f.cluster.Snapshot().Find(observe.Preflight).GetAnnotations()[manifests.AnnotationWish]
}

// TestUpgradeAcrossSchemas follows an upgrade step by step: what the running pod needs stays until the next one is ready.
func TestUpgradeAcrossSchemas(t *testing.T) {
	f := newUpgrade(t)
	both := []string{"gateway.toml: schema 1", "one of its own: schema 2"}
	for _, step := range []struct {
		name  string
		then  func()
		want  []string
		files []string
	}{
		{"the preflight is prepared", func() {}, []string{
			"create RoleBinding openshell-gateway-sandbox-v2", "update ConfigMap openshell-gateway-config", "create ServiceAccount openshell-gateway-preflight",
			"create NetworkPolicy openshell-gateway-preflight", "create Job openshell-gateway-preflight", preflightRuns,
		}, both},
		{"the preflight runs", func() {}, []string{preflightRuns}, both},
		{"the preflight has succeeded", func() { f.endPreflight(batchv1.JobComplete, metav1.NewTime(now)) }, []string{
			"update PersistentVolumeClaim openshell-data-openshell-gateway-0", "update StatefulSet openshell-gateway",
		}, both},
		{"the new pod is not ready", func() {
			f.cluster.Set(statefulSet, "2", "status", "updateRevision")
			f.breakPod("2")
		}, []string{
			"delete Job openshell-gateway-preflight, because its gateway.toml is in use",
		}, both},
		{"the new pod is ready", func() { f.serve("2") }, []string{
			"update ConfigMap openshell-gateway-config", "delete RoleBinding openshell-gateway-sandbox, because no gateway that needs it runs any more",
		}, both[1:]},
		{"nothing is left", func() {}, nil, both[1:]},
	} {
		step.then()
		if diff := cmp.Diff(step.want, f.steps()); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", step.name, diff)
		}
		f.execute()
		if diff := cmp.Diff(step.files, f.files()); diff != "" {
			t.Fatalf("%s: the files (-want +got):\n%s", step.name, diff)
		}
	}
}

// TestFileStaysAfterAnInterruptedChange, if the StatefulSet does not have its hash yet.
func TestFileStaysAfterAnInterruptedChange(t *testing.T) {
	f := newUpgrade(t)
	upgrade := f.tenant
	f.tenant = upgrade.DeepCopy()
	f.tenant.Spec.Image, f.tenant.Annotations, f.tenant.Spec.Config = lastOfSchema1, nil, "openshell.gateway.log_level = 'debug'"
	f.cluster.Apply(f.desired(configMap)) // and the operator ends before it applies the StatefulSet
	f.tenant = upgrade
	f.execute()
	if diff := cmp.Diff([]string{"gateway.toml: schema 1", "one of its own: schema 2"}, f.files()); diff != "" {
		t.Errorf("the files (-want +got):\n%s", diff)
	}
}

func TestPreflightDecides(t *testing.T) {
	const confirm = "to replace the gateway nevertheless, run: kubectl annotate --overwrite gwt openshell-gateway -n tenant-a openshell.ambient-code.io/confirm-preflight=WISH"
	failed := diagnose.Problem{Reason: v1alpha1.ReasonPreflightFailed, Message: "the preflight of the next gateway.toml failed (malformed)"}
	fails := func(applied metav1.Time) func(*observe.Observed) {
		return func(o *observe.Observed) { o.PreflightProblem, o.FilesApplied = failed, applied }
	}
	for _, test := range []planTest{
		{"it fails", func(f *fixture) {
			f.endPreflight(batchv1.JobFailed, metav1.NewTime(now))
			f.change = fails(metav1.Time{})
		}, []string{"update StatefulSet openshell-gateway, blocked: the preflight of the next gateway.toml failed (malformed); the gateway that runs is not changed; correct spec.config or spec.image; " +
			confirm}},
		{"its failure is confirmed", func(f *fixture) {
			f.tenant.Annotations[v1alpha1.AnnotationConfirmPreflight] = f.wish()
			f.change = fails(metav1.Time{})
		}, []string{"update PersistentVolumeClaim openshell-data-openshell-gateway-0", "update StatefulSet openshell-gateway"}},
		{"another failure is confirmed", func(f *fixture) {
			f.tenant.Annotations[v1alpha1.AnnotationConfirmPreflight] = "another"
		}, []string{preflightRuns}},
		{"it cannot run", func(f *fixture) {
			f.endPreflight(batchv1.JobFailed, metav1.NewTime(now))
			f.change = func(o *observe.Observed) { o.PreflightProblem = diagnose.Problem{Message: "its Job failed: too late"} }
		}, []string{"update StatefulSet openshell-gateway, blocked: the next gateway.toml could not be checked: its Job failed: too late; the gateway that runs is not changed, and the preflight is repeated every 5 minutes; " + confirm}},
		{"it could not run five minutes ago", func(f *fixture) {
			f.endPreflight(batchv1.JobFailed, metav1.NewTime(now.Add(-preflightRetry)))
			f.change = func(o *observe.Observed) { o.PreflightProblem = diagnose.Problem{Message: "its Job failed: too late"} }
		}, []string{
			"delete Job openshell-gateway-preflight, because it could not run, so another one replaces it",
			"update StatefulSet openshell-gateway, blocked: the next gateway.toml could not be checked: its Job failed: too late; the gateway that runs is not changed, and the preflight is repeated every 5 minutes; " + confirm,
		}},
		{"the status reports a failure that was not read again", func(f *fixture) {
			f.endPreflight(batchv1.JobFailed, metav1.NewTime(now))
			f.tenant.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonPreflightFailed, Message: "as before"}}
		}, []string{"update StatefulSet openshell-gateway, blocked: as before"}},
		{"it is repeated", func(f *fixture) {
			f.tenant.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonPreflightBlocked, Message: "as before"}}
		}, []string{"update StatefulSet openshell-gateway, blocked: as before"}},
		{"another client suspends it", func(f *fixture) { f.endPreflight(batchv1.JobSuspended, metav1.NewTime(now.Add(-time.Minute))) }, []string{
			"update StatefulSet openshell-gateway, blocked: the next gateway.toml could not be checked: Job openshell-gateway-preflight is suspended by another client, such as a queue without room for it; " +
				"the gateway that runs is not changed, and the preflight is repeated every 5 minutes; " + confirm,
		}},
		{"the gateway does not serve", func(f *fixture) { f.cluster.Set(statefulSet, int64(0), "status", "readyReplicas") }, []string{
			"update PersistentVolumeClaim openshell-data-openshell-gateway-0", "update StatefulSet openshell-gateway",
		}},
		{"the gateway does not serve, and it fails", func(f *fixture) {
			f.cluster.Set(statefulSet, int64(0), "status", "readyReplicas")
			f.endPreflight(batchv1.JobFailed, metav1.NewTime(now))
			f.change = fails(metav1.Time{})
		}, []string{"update StatefulSet openshell-gateway, blocked: the preflight of the next gateway.toml failed (malformed); the gateway that runs is not changed; correct spec.config or spec.image; " + confirm}},
		{"the config changes meanwhile", func(f *fixture) { f.tenant.Spec.Config = "openshell.gateway.log_level = 'debug'" }, []string{
			"update ConfigMap openshell-gateway-config", "delete Job openshell-gateway-preflight, because it checks another image or gateway.toml", preflightRuns,
		}},
		{"another client changed the file that it read", func(f *fixture) {
			f.cluster.Set(observe.Preflight, now.UTC().Format(time.RFC3339), "metadata", "creationTimestamp")
			f.endPreflight(batchv1.JobFailed, metav1.NewTime(now))
			f.change = fails(metav1.NewTime(now))
		}, []string{"delete Job openshell-gateway-preflight, because the gateway.toml that it read may be another client's", preflightRuns}},
		{"it reads the file some time after that was written", func(f *fixture) {
			f.cluster.Set(observe.Preflight, now.UTC().Format(time.RFC3339), "metadata", "creationTimestamp")
			f.endPreflight(batchv1.JobFailed, metav1.NewTime(now))
			f.change = fails(metav1.NewTime(now.Add(-time.Second)))
		}, []string{"update StatefulSet openshell-gateway, blocked: the preflight of the next gateway.toml failed (malformed); the gateway that runs is not changed; correct spec.config or spec.image; " + confirm}},
		{"the upgrade is withdrawn", func(f *fixture) { f.tenant.Spec.Image = lastOfSchema1 }, []string{
			"delete RoleBinding openshell-gateway-sandbox-v2, because no gateway that needs it runs any more",
			"delete ServiceAccount openshell-gateway-preflight, because the gateway has no preflight",
			"delete NetworkPolicy openshell-gateway-preflight, because the gateway has no preflight",
			"update ConfigMap openshell-gateway-config",
			"delete Job openshell-gateway-preflight, because its gateway.toml is in use",
		}},
		{"the gateway is deleted", func(f *fixture) { f.cluster.Delete(observe.Workload) }, []string{
			"update PersistentVolumeClaim openshell-data-openshell-gateway-0", "update ConfigMap openshell-gateway-config",
			"delete RoleBinding openshell-gateway-sandbox, because no gateway that needs it runs any more",
			"delete Job openshell-gateway-preflight, because no gateway runs that would be replaced", "create StatefulSet openshell-gateway",
		}},
		{"the platform skips preflights", func(f *fixture) {
			var err error
			if f.platform, err = f.platform.WithSettings(manifests.Settings{Preflight: "Disabled"}); err != nil {
				f.t.Fatal(err)
			}
		}, []string{
			"update PersistentVolumeClaim openshell-data-openshell-gateway-0",
			"delete ServiceAccount openshell-gateway-preflight, because the gateway has no preflight",
			"delete NetworkPolicy openshell-gateway-preflight, because the gateway has no preflight",
			"update StatefulSet openshell-gateway",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newUpgrade(t)
			f.execute()
			wish := f.wish()
			test.change(f)
			steps := f.steps()
			for i := range steps {
				steps[i] = strings.ReplaceAll(steps[i], wish, "WISH")
			}
			if diff := cmp.Diff(test.want, steps); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
		})
	}
}

// TestPreflightNeedsASlot if the platform requests the change: a new default must not start a Job for each tenant.
func TestPreflightNeedsASlot(t *testing.T) {
	platformOf := func(image string) manifests.Platform {
		platform, err := manifests.NewPlatform(image, "certgen:1", []string{"ghcr.io/nvidia/"})
		if err != nil {
			t.Fatal(err)
		}
		return platform
	}
	f := newTenant(t)
	f.platform, f.tenant.Spec.Image = platformOf(nextImage), ""
	f.certificates.Complete, f.certificates.Findings, f.certificates.TokenKeyID = true, nil, "key-1"
	f.execute()
	f.serve("1")
	f.platform = platformOf("ghcr.io/nvidia/openshell/gateway:0.1.5")
	for granted, want := range map[bool]string{false: "update StatefulSet openshell-gateway, waits for a rollout slot", true: preflightRuns} {
		f.slotGranted = granted
		p, steps := f.plan(), f.steps()
		creates := slices.Contains(steps, "create Job openshell-gateway-preflight")
		if p.Slot != SlotNeeded || creates != granted || steps[len(steps)-1] != want {
			t.Errorf("slot granted: %t: slot %d, steps %q", granted, p.Slot, steps)
		}
	}
}
