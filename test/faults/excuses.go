package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// What somebody else has done may show for good where the operator rightly does not undo it. It is here, and nowhere else.

// somebodyDeleted tells whether the plan's fault has deleted an object.
func (t *trial) somebodyDeleted(of id) bool {
	return t.kind.name == "deletes" && t.meddled(of)
}

// somebodyChanged tells whether the plan's fault has changed an object.
func (t *trial) somebodyChanged(of id) bool {
	return t.kind.name == "changes" && t.meddled(of)
}

// expected is the undisturbed state, less what need not be there after what somebody deleted.
func (t *trial) expected(undisturbed, is state) state {
	want := maps.Clone(undisturbed)
	forgo := func(of id, gone bool) {
		if _, there := is[of.String()]; !there && gone {
			delete(want, of.String())
		}
	}
	job, claim := id{"Job", manifests.CertgenName}, id{"PersistentVolumeClaim", manifests.ClaimName}
	forgo(job, t.meddled(job)) // with its work done, whether it was deleted or, for what it says, by the operator
	if _, there := is[job.String()]; t.workload.warned && there {
		want[job.String()] = is[job.String()] // whether certgen was to do what was withdrawn is a race
	} else if t.workload.warned {
		delete(want, job.String())
	}
	if _, stays := want["GatewayTenant "+v1alpha1.Name]; !stays {
		forgo(claim, t.somebodyDeleted(claim)) // there is nobody to make another
		if is[claim.String()] != nil && t.somebodyChanged(claim) {
			want[claim.String()] = is[claim.String()] // nor to set it back
		}
	}
	for name := range is {
		if kind, of, _ := strings.Cut(name, " "); want[name] == nil && t.mayStay(id{kind, of}) {
			want[name] = is[name]
		}
	}
	return want
}

// mayStay tells whether an object may outlive its tenant: somebody took its owner off just before that was deleted.
func (t *trial) mayStay(of id) bool {
	return t.somebodyChanged(of) && strings.Contains(edits[of.kind], "ownerReferences")
}

// meddled tells whether somebody deleted or changed an object.
func (t *trial) meddled(of id) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.touched[of]
}

// meddledAtAll tells whether somebody deleted or changed anything.
func (t *trial) meddledAtAll() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.touched) > 0
}

// dropUnmountedFiles removes the files from the ConfigMap that the gateway's pod does not mount. A client that wrote the ConfigMap while
// it had several files still owns those that the operator no longer applies.
func (o objects) dropUnmountedFiles() {
	data, _, _ := unstructured.NestedMap(o["ConfigMap "+manifests.ConfigName].Object, "data")
	mounted := mountedKey(o["Pod "+manifests.PodName])
	for key := range data {
		if manifests.IsFileKey(key) && key != mounted {
			unstructured.RemoveNestedField(o["ConfigMap "+manifests.ConfigName].Object, "data", key)
		}
	}
}

// excusesAlarm reports whether a condition rightly reports what the trial's fault did to the gateway's container.
func (t *trial) excusesAlarm(is metav1.Condition) bool {
	return t.hasRestarted() && (is.Reason == v1alpha1.ReasonPodNotReady || is.Reason == v1alpha1.ReasonCrashLoop && strings.Contains(is.Message, restartMessage))
}

// lostSecret tells whether certgen had a Secret to make in place of one that somebody deleted, or beside one that outlived
// the tenant that all others went with.
func (t *trial) lostSecret() bool {
	return slices.ContainsFunc(manifests.SecretNames[:], func(name string) bool {
		of := id{"Secret", name}
		return t.somebodyDeleted(of) || t.workload.all && t.mayStay(of)
	})
}

// withoutFormer is a state less what tells of what there was before.
func (t *trial) withoutFormer(s state) state {
	adoption, lost := t.workload.name == "adoption", t.lostSecret()
	kept := state{}
	for name, object := range s {
		content, is := object.(map[string]any)
		if kept[name] = object; !is {
			continue
		}
		content = runtime.DeepCopyJSON(content)
		kept[name] = content
		kind, _, _ := strings.Cut(name, " ")
		if kind == "GatewayTenant" && t.workload.warned {
			withoutWarning(content)
		}
		switch {
		case kind == "StatefulSet" && t.workload.adopts && (t.saved != nil || t.kind.name == "deletes" || t.kind.name == "changes"):
			forget(content, "rollout") // a gateway that does not serve anyway is not rolled by the platform
		case kind == "GatewayTenant" && adoption && lost:
			unstructured.RemoveNestedField(content, "status", "serverDnsNames") // the earlier control plane's are fewer
		case kind == "Secret" && lost:
			forget(content, "trusted-since", "former-authorities-until", "supersedes")
			if adoption {
				unstructured.RemoveNestedField(content, "metadata", "labels") // which are others, too
			}
		}
	}
	return kept
}

// forget removes annotations of ours.
func forget(content map[string]any, annotations ...string) {
	for _, annotation := range annotations {
		unstructured.RemoveNestedField(content, "metadata", "annotations", "openshell.ambient-code.io/"+annotation)
	}
	if left, _, _ := unstructured.NestedMap(content, "metadata", "annotations"); len(left) == 0 {
		unstructured.RemoveNestedField(content, "metadata", "annotations")
	}
}

// certificatesRest tells what certgen has still to do: it waits a while, which grows, before it takes a Secret over again, or shows
// what a new authority has signed.
func (t *trial) certificatesRest() error {
	tenant, err := t.tenant()
	if err != nil {
		return nil //nolint:nilerr // there is none, so there is nothing to do
	}
	is := meta.FindStatusCondition(tenant.Status.Conditions, v1alpha1.ConditionCertificatesReady)
	if is == nil {
		return nil
	}
	if is.Reason == v1alpha1.ReasonRenewing || strings.Contains(is.Message, "certgen") || strings.Contains(is.Message, "correcting owner references") {
		return fmt.Errorf("certificates: %s", is.Message)
	}
	return nil
}

// letGo deletes the pod, as whoever deletes a claim must: until then the claim stays, and is used.
func (t *trial) letGo(ctx context.Context, of id) error {
	if of.kind != "PersistentVolumeClaim" {
		return nil
	}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: t.namespace, Name: manifests.PodName}}
	return client.IgnoreNotFound(t.admin.Delete(ctx, pod))
}
