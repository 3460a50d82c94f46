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
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.kind.name == "deletes" && t.deleted[of]
}

// expected is the undisturbed state, less what need not be there after what somebody deleted.
func (t *trial) expected(undisturbed, is state) state {
	want := maps.Clone(undisturbed)
	forgo := func(of id) {
		if _, there := is[of.String()]; !there && t.somebodyDeleted(of) {
			delete(want, of.String())
		}
	}
	forgo(id{"Job", manifests.CertgenName}) // its work was done
	if _, stays := want["GatewayTenant "+v1alpha1.Name]; !stays {
		forgo(id{"PersistentVolumeClaim", manifests.ClaimName}) // there is nobody to make another
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
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.kind.name == "changes" && t.deleted[of] && strings.Contains(edits[of.kind], "ownerReferences")
}

// withoutFormer is a state whose Secrets do not say which authority there was before: where one was deleted, another may
// have to be made, and the former one is trusted beside it.
func (t *trial) withoutFormer(s state) state {
	if !slices.ContainsFunc(manifests.SecretNames[:], func(name string) bool {
		of := id{"Secret", name}
		return t.somebodyDeleted(of) || t.workload.all && t.mayStay(of) // or outlived the tenant that the others went with
	}) {
		return s
	}
	s = maps.Clone(s)
	for name, object := range s {
		content, is := object.(map[string]any)
		if !is {
			continue
		}
		content = runtime.DeepCopyJSON(content)
		if t.workload.name == "adoption" { // what the earlier control plane made bears fewer names
			unstructured.RemoveNestedField(content, "status", "serverDnsNames")
			unstructured.RemoveNestedField(content, "metadata", "annotations", "openshell.ambient-code.io/rollout") // whose the last restart was
		}
		if s[name] = content; !strings.HasPrefix(name, "Secret ") {
			continue
		}
		for _, annotation := range []string{"trusted-since", "former-authorities-until", "supersedes"} {
			unstructured.RemoveNestedField(content, "metadata", "annotations", "openshell.ambient-code.io/"+annotation)
		}
		if annotations, _, _ := unstructured.NestedMap(content, "metadata", "annotations"); len(annotations) == 0 {
			unstructured.RemoveNestedField(content, "metadata", "annotations")
		}
		if t.workload.name == "adoption" { // and other labels
			unstructured.RemoveNestedField(content, "metadata", "labels")
		}
	}
	return s
}

// certificatesRest tells what certgen has still to do: it waits a while before it takes a Secret over again, or shows what
// a new authority has signed.
func (t *trial) certificatesRest() error {
	tenant, err := t.tenant()
	if err != nil {
		return nil //nolint:nilerr // there is none, so there is nothing to do
	}
	is := meta.FindStatusCondition(tenant.Status.Conditions, v1alpha1.ConditionCertificatesReady)
	if is != nil && (is.Reason == v1alpha1.ReasonRenewing || strings.Contains(is.Message, "certgen")) {
		return fmt.Errorf("certificates: %s", is.Message)
	}
	return nil
}

// letGo deletes the pod, as whoever deletes a claim must: until then the claim stays, and is used.
func (t *trial) letGo(ctx context.Context, of id) error {
	if of.kind != "PersistentVolumeClaim" {
		return nil
	}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: t.namespace, Name: manifests.GatewayName + "-0"}}
	return client.IgnoreNotFound(t.admin.Delete(ctx, pod))
}
