package gatewaytenant

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

func testTenant(t *testing.T) (*v1alpha1.GatewayTenant, manifests.Tenant) {
	t.Helper()
	platform, err := manifests.NewPlatform("", "certgen:1", []string{"ghcr.io/nvidia/"})
	if err != nil {
		t.Fatal(err)
	}
	gt := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.Name, Namespace: "tenant-a", UID: "1", Generation: 3}}
	tenant, err := manifests.NewTenant(gt, platform)
	if err != nil {
		t.Fatal(err)
	}
	return gt, tenant
}

// serving is the pass over a tenant that serves.
func serving(t *testing.T) (*v1alpha1.GatewayTenant, pass) {
	t.Helper()
	gt, tenant := testTenant(t)
	objects, err := manifests.Render(tenant, manifests.RenderInput{NamespaceUID: "2", TokenKey: "3"})
	if err != nil {
		t.Fatal(err)
	}
	stamp, err := apply.Hash(objects.Gateway)
	if err != nil {
		t.Fatal(err)
	}
	set := &appsv1.StatefulSet{
		ObjectMeta: metav1.ObjectMeta{Generation: 1, Annotations: map[string]string{apply.AnnotationHash: stamp}},
		Status: appsv1.StatefulSetStatus{
			ObservedGeneration: 1, Replicas: 1, UpdatedReplicas: 1, ReadyReplicas: 1, CurrentRevision: "r", UpdateRevision: "r",
		},
	}
	return gt, pass{tenant: tenant, objects: objects, seen: observed{
		live: map[childKey]metav1.Object{}, statefulSet: set, sandboxAPIs: []string{"v1alpha1"},
	}, certificates: certificates.Observed{Complete: true, NotAfter: time.Unix(1, 0)}, generation: gt.Generation}
}

// jobFor is a certgen Job with the wish of the pass.
func jobFor(p *pass) *batchv1.Job {
	return &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Annotations: p.objects.Certgen.GetAnnotations()}}
}

func TestReadyTellsTheTruth(t *testing.T) {
	found := func(need certificates.Need, why, blocked string) certificates.Observed {
		return certificates.Observed{Complete: need != certificates.Missing, Findings: []certificates.Finding{{Secret: "s", Need: need, Message: why, Blocked: blocked}}}
	}
	for _, c := range []struct {
		what            string
		change          func(gt *v1alpha1.GatewayTenant, p *pass)
		reason, message string
		progress        string // of Reconciling and Stalled, the one that is true
	}{
		{"serves", func(*v1alpha1.GatewayTenant, *pass) {}, v1alpha1.ReasonReady, "serves", ""},
		{"rejected", func(_ *v1alpha1.GatewayTenant, p *pass) {
			p.rejected = &manifests.RejectedError{Reason: v1alpha1.ReasonInvalidImage, Message: "spec.image is bad"}
		}, v1alpha1.ReasonInvalidImage, "spec.image is bad", v1alpha1.ConditionStalled},
		{"could not look", func(_ *v1alpha1.GatewayTenant, p *pass) { p.seen, p.err = observed{}, errors.New("no cache") }, v1alpha1.ReasonApplyFailed, "no cache", v1alpha1.ConditionReconciling},
		{"refused by the server", func(_ *v1alpha1.GatewayTenant, p *pass) { p.err = errors.New("quota exceeded") }, v1alpha1.ReasonApplyFailed, "quota", v1alpha1.ConditionReconciling},
		{"somebody else's object", func(_ *v1alpha1.GatewayTenant, p *pass) {
			p.err = errors.Join(errors.New("another"), &conflictError{object: "Service a/b", whose: "is controlled by X y"})
		}, v1alpha1.ReasonConflict, "Service a/b", v1alpha1.ConditionStalled},
		{"an object of a former tenant", func(_ *v1alpha1.GatewayTenant, p *pass) { p.err = &leavingError{"Service a/b"} }, v1alpha1.ReasonWaitingForRemoval, "removed", v1alpha1.ConditionReconciling},
		{"no Secrets", func(_ *v1alpha1.GatewayTenant, p *pass) {
			p.certificates = found(certificates.Missing, "is missing", "")
		}, v1alpha1.ReasonIssuing, "missing", v1alpha1.ConditionReconciling},
		{"a name to be added", func(_ *v1alpha1.GatewayTenant, p *pass) { p.certificates = found(certificates.Invalid, "lacks x", "") }, v1alpha1.ReasonIssuing, "lacks x", v1alpha1.ConditionReconciling},
		{"a renewal", func(_ *v1alpha1.GatewayTenant, p *pass) { p.certificates = found(certificates.Due, "is due", "") }, v1alpha1.ReasonReady, "serves", ""},
		{"a Secret to be taken over", func(_ *v1alpha1.GatewayTenant, p *pass) {
			p.certificates = found(certificates.Unowned, "has no owner", "")
		}, v1alpha1.ReasonReady, "serves", ""},
		{"a Secret that certgen must not change", func(_ *v1alpha1.GatewayTenant, p *pass) {
			p.certificates = found(certificates.Invalid, "lacks x", "is immutable")
		}, v1alpha1.ReasonSecretBlocked, "is immutable", v1alpha1.ConditionStalled},
		{"certgen fails at a renewal", func(_ *v1alpha1.GatewayTenant, p *pass) {
			p.certificates, p.seen.job, p.seen.jobTrouble = found(certificates.Due, "is due", ""), jobFor(p), "its pod failed"
		}, v1alpha1.ReasonIssueFailed, "its pod failed", v1alpha1.ConditionReconciling},
		{"certgen failed at another wish", func(_ *v1alpha1.GatewayTenant, p *pass) {
			p.certificates, p.seen.job, p.seen.jobTrouble = found(certificates.Invalid, "lacks x", ""), &batchv1.Job{}, "its pod failed"
		}, v1alpha1.ReasonIssuing, "lacks x", v1alpha1.ConditionReconciling},
		{"certgen failed and is tried again", func(gt *v1alpha1.GatewayTenant, p *pass) {
			p.certificates, p.seen.job = found(certificates.Invalid, "lacks x", ""), nil
			gt.Status.Conditions = []metav1.Condition{{
				Type: v1alpha1.ConditionCertificatesReady, Status: metav1.ConditionFalse, ObservedGeneration: gt.Generation,
				Reason: v1alpha1.ReasonIssueFailed, Message: "its pod failed before",
			}}
		}, v1alpha1.ReasonIssueFailed, "its pod failed before", v1alpha1.ConditionReconciling},
		{"suspended", func(_ *v1alpha1.GatewayTenant, p *pass) { p.suspended = true }, v1alpha1.ReasonSuspended, "spec.suspend", ""},
		{"suspended from its beginning", func(_ *v1alpha1.GatewayTenant, p *pass) {
			p.suspended, p.seen.statefulSet, p.certificates = true, nil, found(certificates.Missing, "is missing", "")
		}, v1alpha1.ReasonSuspended, "spec.suspend", ""},
		{"its turn has not come", func(_ *v1alpha1.GatewayTenant, p *pass) {
			p.held, p.seen.statefulSet.Annotations = true, nil
		}, v1alpha1.ReasonReady, "serves", ""},
		{"no Sandbox API", func(_ *v1alpha1.GatewayTenant, p *pass) { p.err = &missingAPIError{"install it"} }, v1alpha1.ReasonSandboxAPIMissing, "install it", v1alpha1.ConditionStalled},
		{"no StatefulSet", func(_ *v1alpha1.GatewayTenant, p *pass) { p.seen.statefulSet = nil }, v1alpha1.ReasonRollingOut, "started", v1alpha1.ConditionReconciling},
		{"another StatefulSet is wanted", func(_ *v1alpha1.GatewayTenant, p *pass) { p.seen.statefulSet.Annotations = nil }, v1alpha1.ReasonRollingOut, "started", v1alpha1.ConditionReconciling},
		{"its controller has not seen it", func(_ *v1alpha1.GatewayTenant, p *pass) { p.seen.statefulSet.Generation = 2 }, v1alpha1.ReasonRollingOut, "started", v1alpha1.ConditionReconciling},
		{"the pod is the old one", func(_ *v1alpha1.GatewayTenant, p *pass) { p.seen.statefulSet.Status.UpdateRevision = "new" }, v1alpha1.ReasonRollingOut, "started", v1alpha1.ConditionReconciling},
		{"never ready yet", func(_ *v1alpha1.GatewayTenant, p *pass) { p.seen.statefulSet.Status.ReadyReplicas = 0 }, v1alpha1.ReasonRollingOut, "started", v1alpha1.ConditionReconciling},
		{"no longer ready", func(gt *v1alpha1.GatewayTenant, p *pass) {
			p.seen.statefulSet.Status.ReadyReplicas = 0
			p.seen.pod = &corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodRunning}}
			p.seen.pod.Labels = map[string]string{"controller-revision-hash": "r"}
			gt.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionAvailable, Status: metav1.ConditionTrue}}
		}, v1alpha1.ReasonPodNotReady, "no longer", v1alpha1.ConditionReconciling},
	} {
		gt, p := serving(t)
		c.change(gt, &p)
		status := statusOf(gt, p)
		ready := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady)
		if ready.Reason != c.reason || !strings.Contains(ready.Message, c.message) || (ready.Status == metav1.ConditionTrue) != (c.reason == v1alpha1.ReasonReady) {
			t.Errorf("%s: %+v; want %s with %q", c.what, ready, c.reason, c.message)
		}
		for _, condition := range []string{v1alpha1.ConditionReconciling, v1alpha1.ConditionStalled} {
			if is := meta.FindStatusCondition(status.Conditions, condition) != nil; is != (condition == c.progress) {
				t.Errorf("%s: %s is there: %v", c.what, condition, is)
			}
		}
		for _, condition := range status.Conditions {
			if condition.ObservedGeneration != 3 || status.ObservedGeneration != 3 {
				t.Errorf("%s: %s speaks of generation %d", c.what, condition.Type, condition.ObservedGeneration)
			}
		}
		gt.Status = status
		if diff := cmp.Diff(status, statusOf(gt, p)); diff != "" && c.what != "no longer ready" {
			t.Errorf("%s: the same pass again changes the status: %s", c.what, diff)
		}
	}
}

// TestEndOfCertificatesIsTold: once there were some, for as long as there are none that can be read, too; what alerts on it
// sees a renewal that fails.
func TestEndOfCertificatesIsTold(t *testing.T) {
	gt, p := serving(t)
	first, second := time.Unix(1, 0), time.Unix(2, 0)
	for _, step := range []struct {
		what string
		seen certificates.Observed
		want *time.Time
	}{
		{"the first set is being made", certificates.Observed{NotAfter: first}, nil},
		{"it is made", certificates.Observed{NotAfter: first, Complete: true}, &first},
		{"one cannot be read", certificates.Observed{Complete: true}, &first},
		{"one is missing", certificates.Observed{}, &first},
		{"they are renewed, and another Secret is missing", certificates.Observed{NotAfter: second}, &second},
	} {
		p.certificates = step.seen
		gt.Status = statusOf(gt, p)
		if ends := gt.Status.CertificateNotAfter; (ends == nil) != (step.want == nil) || ends != nil && !ends.Time.Equal(*step.want) {
			t.Errorf("%s: the first certificate ends at %v, want %v", step.what, ends, step.want)
		}
	}
}

// TestMessageBeginsWithTheReason: what else went wrong may be too much to be said, and differs from time to time.
func TestMessageBeginsWithTheReason(t *testing.T) {
	reset := fmt.Errorf("applying Service a/b: %w", errors.New("read tcp 127.0.0.1:38672->127.0.0.1:443: connection reset by peer"))
	all := []error{reset, errors.New("denied the request:\n\nthe cause" + strings.Repeat("x", 600)), &conflictError{object: "ConfigMap a/b", whose: "is somebody else's"}}
	err := errors.Join(errors.Join(all[0], all[2]), all[1])
	const conflict, port = "ConfigMap a/b is there already and is somebody else's\n", "tcp 127.0.0.1->127.0.0.1:443"
	if words := errorMessage(err); !strings.HasPrefix(words, conflict) || !strings.Contains(words, port) || !strings.Contains(words, "the cause") || waitsForOthers(err) || !waitsForOthers(all[2]) {
		t.Errorf("the message is %q, want %q and %q in it; it waits for others: %t", words, conflict, port, waitsForOthers(err))
	}
}

func TestRejectionKeepsWhatRuns(t *testing.T) {
	gt, p := serving(t)
	gt.Status = statusOf(gt, p)
	p.rejected = &manifests.RejectedError{Reason: v1alpha1.ReasonInvalidConfig, Message: "bad"}
	after := statusOf(gt, p)
	if after.Image == "" || after.Image != gt.Status.Image || after.Endpoint != gt.Status.Endpoint {
		t.Errorf("the image that runs is %q, the status says %q", gt.Status.Image, after.Image)
	}
	if available := meta.FindStatusCondition(after.Conditions, v1alpha1.ConditionAvailable); available.Status != metav1.ConditionTrue {
		t.Errorf("what runs is ready, and Available is %+v", available)
	}
	p.seen.statefulSet.Status.ReadyReplicas = 0
	if available := meta.FindStatusCondition(statusOf(gt, p).Conditions, v1alpha1.ConditionAvailable); available.Status != metav1.ConditionFalse {
		t.Errorf("what runs is not ready, and Available is %+v", available)
	}
	p.seen.statefulSet = nil
	if available := meta.FindStatusCondition(statusOf(gt, p).Conditions, v1alpha1.ConditionAvailable); available.Status != metav1.ConditionUnknown {
		t.Errorf("nothing runs, and Available is %+v", available)
	}
}

func TestWarnings(t *testing.T) {
	platform, err := manifests.NewPlatform("", "certgen:1", []string{"ghcr.io/nvidia/"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what         string
		version      string
		tokens       v1alpha1.SandboxTokens
		served       []string
		level        string
		reason, word string
	}{
		{"nothing but the default", "0.0.111", "", []string{"v1beta1"}, "privileged", v1alpha1.ReasonOpenDefault, "openshell.gateway.oidc"},
		{"no Sandbox API", "0.0.106", "", nil, "", v1alpha1.ReasonSandboxAPIMissing, "agent-sandbox"},
		{"no Sandbox API, and it would not start: no mere warning", "0.0.107", "", nil, "", v1alpha1.ReasonOpenDefault, ""},
		{"sandboxes of a newer agent-sandbox", "0.0.71", "", []string{"v1alpha1", "v1beta1"}, "", v1alpha1.ReasonAgentSandboxUnsupported, "agent-sandbox 0.4"},
		{"an old gateway where only v1beta1 is served", "0.0.71", "", []string{"v1beta1"}, "", v1alpha1.ReasonSandboxAPIMissing, "0.0.72 or later"},
		{"no tokens", "0.0.71", v1alpha1.SandboxTokensDisabled, []string{"v1alpha1"}, "", v1alpha1.ReasonSandboxTokensDisabled, "cannot authenticate"},
		{"a strict namespace", "0.0.71", "", []string{"v1alpha1"}, "restricted", v1alpha1.ReasonPodSecurity, "enforce=restricted"},
		{"two warnings", "0.0.71", v1alpha1.SandboxTokensDisabled, []string{"v1alpha1"}, "baseline", v1alpha1.ReasonSandboxTokensDisabled, "enforce=baseline"},
	} {
		gt, p := serving(t)
		gt.Spec.Image, gt.Spec.SandboxTokens = "ghcr.io/nvidia/openshell/gateway:"+c.version, c.tokens
		if p.tenant, err = manifests.NewTenant(gt, platform); err != nil {
			t.Fatal(err)
		}
		p.seen.sandboxAPIs = c.served
		p.podSecurity = c.level
		status := statusOf(gt, p)
		is := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionWarning)
		switch {
		case c.reason == "" && is != nil, c.reason != "" && is == nil:
			t.Errorf("%s: %+v", c.what, is)
		case is != nil && (is.Reason != c.reason || !strings.Contains(is.Message, c.word)):
			t.Errorf("%s: %+v; want %s and %q", c.what, is, c.reason, c.word)
		}
		if is != nil && !strings.HasSuffix(is.Message, openDefault.message) {
			t.Errorf("%s: the message does not end with the open default: %s", c.what, is.Message)
		}
		gt.Status = status
		p.seen.sandboxAPIs, p.podSecurity = []string{"v1alpha1"}, ""
		if is = meta.FindStatusCondition(statusOf(gt, p).Conditions, v1alpha1.ConditionWarning); c.reason == v1alpha1.ReasonPodSecurity && is.Message != openDefault.message {
			t.Errorf("%s: the warning outlives its cause: %s", c.what, is.Message)
		}
	}
}

// TestWarningsOfARejectedSpec: what has nothing to do with the spec is still told, and what no longer holds is not.
func TestWarningsOfARejectedSpec(t *testing.T) {
	gt, p := serving(t)
	p.held, p.podSecurity = true, "restricted"
	gt.Status = statusOf(gt, p)
	p.held, p.rejected = false, &manifests.RejectedError{Reason: v1alpha1.ReasonInvalidImage, Message: "spec.image is bad"}
	if is := meta.FindStatusCondition(statusOf(gt, p).Conditions, v1alpha1.ConditionWarning); is == nil || is.Reason != v1alpha1.ReasonPodSecurity || strings.Contains(is.Message, "turn") {
		t.Errorf("Warning is %+v", is)
	}
	p.podSecurity = ""
	if is := meta.FindStatusCondition(statusOf(gt, p).Conditions, v1alpha1.ConditionWarning); is.Message != openDefault.message {
		t.Errorf("Warning outlives its cause: %+v", is)
	}
	gt.Status.Conditions = nil
	if is := meta.FindStatusCondition(statusOf(gt, p).Conditions, v1alpha1.ConditionWarning); is != nil {
		t.Errorf("no gateway is known to run, and Warning is %+v", is)
	}
}

// TestTimeGoesOnWhileSuspended: that a certificate ends, or a pod does not start, is told when it is so.
func TestTimeGoesOnWhileSuspended(t *testing.T) {
	_, p := serving(t)
	r := &Reconciler{now: func() time.Time { return time.Unix(1000, 0) }}
	p.suspended, p.certificates.NextCheck = true, time.Unix(1060, 0)
	if result, err := r.next(p); err != nil || result.RequeueAfter != time.Minute {
		t.Errorf("the next look is in %s (%v)", result.RequeueAfter, err)
	}
}

// TestNewGatewayHasAMomentToStart: that its certificates are there is not written when it serves soon; that it does not, or
// anything of a gateway that served before, is.
func TestNewGatewayHasAMomentToStart(t *testing.T) {
	now := time.Unix(1000, 0)
	status := func(reason string, generation int64) v1alpha1.GatewayTenantStatus {
		return v1alpha1.GatewayTenantStatus{ObservedGeneration: generation, Conditions: []metav1.Condition{{Type: v1alpha1.ConditionReady, Reason: reason}}}
	}
	made := func(ago time.Duration) *appsv1.StatefulSet {
		return &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{CreationTimestamp: metav1.NewTime(now.Add(-ago))}}
	}
	waiting, starts := status(v1alpha1.ReasonWaitingForCertificates, 1), status(v1alpha1.ReasonRollingOut, 1)
	for _, c := range []struct {
		what          string
		before, after v1alpha1.GatewayTenantStatus
		set           *appsv1.StatefulSet
		waits         bool
	}{
		{"made in this pass", waiting, starts, nil, true},
		{"made a second ago", status(v1alpha1.ReasonIssuing, 1), starts, made(time.Second), true},
		{"takes long to start", waiting, starts, made(graceBase), false},
		{"serves", waiting, status(v1alpha1.ReasonReady, 1), made(time.Second), false},
		{"is in trouble", waiting, status(v1alpha1.ReasonPodRefused, 1), made(time.Second), false},
		{"its spec is another", waiting, status(v1alpha1.ReasonRollingOut, 2), made(time.Second), false},
		{"has no status yet", v1alpha1.GatewayTenantStatus{}, starts, made(time.Second), false},
		{"served before", status(v1alpha1.ReasonReady, 1), starts, made(time.Second), false},
	} {
		if waits := starting(c.before, c.after, c.set, graceBase, now) > 0; waits != c.waits {
			t.Errorf("%s: waits: %t", c.what, waits)
		}
	}
}

// TestSecretBlockedSaysHowToGoOn: the message ends with a command that is complete.
func TestSecretBlockedSaysHowToGoOn(t *testing.T) {
	gt, p := serving(t)
	p.certificates = certificates.Observed{Complete: true, Findings: []certificates.Finding{
		{Secret: "b", Need: certificates.Invalid, Message: "lacks x", Blocked: "is written by cert-manager, which must change it", HandOver: "b"},
		{Secret: "a", Need: certificates.Missing, Message: "is missing", Blocked: "Secret b would have to trust another CA, but it is written by cert-manager", HandOver: "b"},
		{Secret: "c", Need: certificates.Invalid, Message: "has expired", Blocked: "was not issued by the operator", HandOver: "c"},
		{Secret: "d", Need: certificates.Missing, Message: "belongs to a deleted GatewayTenant", Blocked: "is still being removed", Terminating: true},
	}}
	status := statusOf(gt, p)
	is := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionCertificatesReady)
	command := "kubectl annotate secret b c -n " + gt.Namespace + " openshell.ambient-code.io/hand-over=to-operator"
	if is.Reason != v1alpha1.ReasonSecretBlocked || !strings.HasSuffix(is.Message, command) || !strings.Contains(is.Message, "Secret a is missing, and") || strings.Contains(is.Message, "former") {
		t.Errorf("%s: %s", is.Reason, is.Message)
	}
	p.certificates = certificates.Observed{Complete: true, Notes: []string{"Secret b is written by cert-manager and is used as it is"}}
	status = statusOf(gt, p)
	if is = meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionCertificatesReady); is.Status != metav1.ConditionTrue || !strings.HasSuffix(is.Message, "; "+p.certificates.Notes[0]) {
		t.Errorf("%s: %s", is.Status, is.Message)
	}
}
