package observe

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/diagnose"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/workload"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

func TestCacheOfJobsIsBounded(t *testing.T) {
	started := metav1.Unix(1, 0)
	job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "certgen"}, Status: batchv1.JobStatus{StartTime: &started}}
	for i := range 1000 {
		job.Status.Conditions = append(job.Status.Conditions, batchv1.JobCondition{Type: batchv1.JobConditionType(fmt.Sprint(i)), Status: corev1.ConditionTrue})
	}
	job.Status.Conditions = append(job.Status.Conditions, batchv1.JobCondition{Type: batchv1.JobFailed, Status: corev1.ConditionTrue, Message: longText})
	if _, err := keepJob(job); err != nil {
		t.Fatal(err)
	}
	if failed := diagnose.JobCondition(job, batchv1.JobFailed) != nil; job.Size() > 4<<10 || !failed {
		t.Errorf("%d bytes of a Job are kept, and that it failed: %t", job.Size(), failed)
	}
	if got := job.Status.StartTime; got == nil || !got.Equal(&started) {
		t.Errorf("the kept Job started at %s, want %s", got, started)
	}
}

func TestCacheOfStatefulSetsIsBounded(t *testing.T) {
	set := &appsv1.StatefulSet{Status: appsv1.StatefulSetStatus{Replicas: 1, UpdateRevision: "r", CurrentRevision: "r", UpdatedReplicas: 1, ReadyReplicas: 1}}
	for i := range 1000 {
		set.Status.Conditions = append(set.Status.Conditions, appsv1.StatefulSetCondition{Type: appsv1.StatefulSetConditionType(fmt.Sprint(i)), Message: strings.Repeat("x", 1000)})
	}
	set.Spec.Template.Spec.Containers = []corev1.Container{{Name: manifests.GatewayName, Image: strings.Repeat("x", 1<<20)}}
	if _, err := keepStatefulSet(set); err != nil || set.Size() > 4<<10 || !workload.Serves(set) {
		t.Errorf("%d bytes of a StatefulSet are kept (%v), and that it serves: %t", set.Size(), err, workload.Serves(set))
	}
}

// TestCacheOfStatefulSetsKeepsTheConfigHash, by which the volume's gateway.toml is recognized.
func TestCacheOfStatefulSetsKeepsTheConfigHash(t *testing.T) {
	set := &appsv1.StatefulSet{}
	set.Spec.Template.Annotations = map[string]string{manifests.AnnotationConfigHash: "1", "another": "2"}
	kept, err := keepStatefulSet(set)
	if err != nil {
		t.Fatal(err)
	}
	if is := kept.(*appsv1.StatefulSet).Spec.Template.Annotations; len(is) != 1 || is[manifests.AnnotationConfigHash] != "1" {
		t.Errorf("the annotations %v are kept, want only %s", is, manifests.AnnotationConfigHash)
	}
}

// TestCacheOfStatefulSetsKeepsThatNoPodRuns, because a repair interrupts no client then.
func TestCacheOfStatefulSetsKeepsThatNoPodRuns(t *testing.T) {
	for _, replicas := range []int32{0, 1} {
		set := &appsv1.StatefulSet{Spec: appsv1.StatefulSetSpec{Replicas: &replicas}}
		if _, err := keepStatefulSet(set); err != nil || (set.Spec.Replicas != nil) != (replicas == 0) {
			t.Errorf("of %d replicas, %v is kept (%v)", replicas, set.Spec.Replicas, err)
		}
	}
}

func TestCacheOfClaimsKeepsTheCapacity(t *testing.T) {
	keep := keepClaims() // one transform, since it shares the size of the last claim
	for _, c := range []struct{ requested, capacity string }{{"1Gi", ""}, {"1Gi", "1Gi"}, {"1Gi", "10Gi"}, {"50Ti", "10Gi"}} {
		t.Run(fmt.Sprintf("requested %s, capacity %q", c.requested, c.capacity), func(t *testing.T) {
			claim := &corev1.PersistentVolumeClaim{}
			claim.Spec.Resources.Requests = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(c.requested)}
			if c.capacity != "" {
				claim.Status.Capacity = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(c.capacity)}
			}
			kept, err := keep(claim)
			if err != nil {
				t.Fatal(err)
			}
			is, exists := kept.(*corev1.PersistentVolumeClaim).Status.Capacity[corev1.ResourceStorage]
			if exists != (c.capacity != "") || exists && is.String() != c.capacity {
				t.Errorf("the capacity %s is kept, want %q", is.String(), c.capacity)
			}
		})
	}
}

// TestCacheOfSecretsKeepsAnnotations keeps the annotations in which certgen records for what it issued a Secret.
func TestCacheOfSecretsKeepsAnnotations(t *testing.T) {
	value := strings.Repeat("0123456789abcdef=2026-01-01T00:00:00Z,", 32)
	for _, name := range []string{"rotate-tls", "rotate-ca", "rotate-tokens", "former-authorities-until", "trusted-since", "supersedes"} {
		for _, c := range children {
			if !c.isSecret() {
				continue
			}
			t.Run(c.Name+" "+name, func(t *testing.T) {
				secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: c.Name, Annotations: map[string]string{"openshell.ambient-code.io/" + name: value}}}
				is, err := c.kept()(secret)
				if err != nil || is.(*corev1.Secret).Annotations["openshell.ambient-code.io/"+name] != value {
					t.Errorf("the annotation is dropped (%v)", err)
				}
			})
		}
	}
}

// TestOwnersOfSecretsAreThoseThatCertgenReads expects the same owners in the operator and in certgen. If they differed, a Secret that is
// valid for one of them would be work for the other again and again.
func TestOwnersOfSecretsAreThoseThatCertgenReads(t *testing.T) {
	other := metav1.OwnerReference{APIVersion: "v1", Kind: "ConfigMap", Name: "a", UID: "a"}
	tenant := manifests.Owner("1")
	tenant.Controller = nil
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: manifests.ServerTLSName, OwnerReferences: []metav1.OwnerReference{other, tenant}}}
	read, err := certificates.Transform(secret)
	if err != nil {
		t.Fatal(err)
	}
	cached, err := keepSecret(secret)
	if err != nil {
		t.Fatal(err)
	}
	owners := func(object any) []metav1.OwnerReference { return object.(*corev1.Secret).OwnerReferences }
	if len(owners(read)) != 1 || owners(read)[0].UID != "1" || !reflect.DeepEqual(owners(read), owners(cached)) {
		t.Errorf("certgen reads the owners %v, and the operator %v", owners(read), owners(cached))
	}
	if len(secret.OwnerReferences) != 2 {
		t.Error("the Secret itself is modified")
	}
}
