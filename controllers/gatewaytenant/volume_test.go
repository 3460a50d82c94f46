package gatewaytenant

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/diagnose"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

const (
	annotationKeyPath = "openshell.ambient-code.io/key-encryption-key-path"
	withKey           = "ghcr.io/nvidia/openshell/gateway:0.0.111"
	noRootKey         = "failed to prepare default credential storage key-encryption key directory '/var/openshell/key-encryption-key.bin': failed to set permissions on /var/openshell"
)

func newScheme(t *testing.T) *runtime.Scheme {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	return scheme
}

// TestClaimIsWrittenBeforeWhatFollowsFromIt: were gateway.toml written first and the operator ended then, the gateway could
// create a key that no record tells of.
func TestClaimIsWrittenBeforeWhatFollowsFromIt(t *testing.T) {
	for _, refused := range []bool{false, true} {
		var applied []string
		recorder := interceptor.NewClient(nil, interceptor.Funcs{
			Apply: func(_ context.Context, _ client.WithWatch, object runtime.ApplyConfiguration, _ ...client.ApplyOption) error {
				kind := object.(interface{ GetKind() string }).GetKind()
				applied = append(applied, kind)
				if refused && kind == "PersistentVolumeClaim" {
					return errors.New("refused")
				}
				return nil
			},
		})
		scheme := newScheme(t)
		comparer := apply.NewComparer(scheme, manifests.Manager)
		r := &Reconciler{Client: recorder, applier: apply.New(recorder, comparer), comparer: comparer}
		named := func(kind string) *unstructured.Unstructured {
			object := &unstructured.Unstructured{Object: map[string]any{}}
			object.SetAPIVersion("v1")
			object.SetKind(kind)
			object.SetName(kind)
			return object
		}
		foundation := []*unstructured.Unstructured{named("ConfigMap"), named("PersistentVolumeClaim")}
		seen := observed{volume: manifests.Volume{Claim: &corev1.PersistentVolumeClaim{}}}
		if err := r.applyFoundation(t.Context(), foundation, seen); (err != nil) != refused {
			t.Fatal(err)
		}
		want := []string{"PersistentVolumeClaim", "ConfigMap"}
		if refused {
			want = want[:1]
		}
		if !slices.Equal(applied, want) {
			t.Errorf("with the claim refused: %v, it applies %q, want %q", refused, applied, want)
		}
	}
}

func TestTerminationMessageIsThatOfTheGatewaysLastEnd(t *testing.T) {
	ended := func(message string) corev1.ContainerState {
		return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1, Message: message}}
	}
	running, waiting := corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}, corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}}
	for _, c := range []struct {
		what      string
		container corev1.ContainerStatus
		want      string
	}{
		{"it has not ended", corev1.ContainerStatus{Name: manifests.GatewayName, State: running}, ""},
		{"it has just ended", corev1.ContainerStatus{Name: manifests.GatewayName, State: ended("now"), LastTerminationState: ended("before")}, "now"},
		{"it ended without a word", corev1.ContainerStatus{Name: manifests.GatewayName, State: ended(""), LastTerminationState: ended("before")}, ""},
		{"it ended before and waits", corev1.ContainerStatus{Name: manifests.GatewayName, State: waiting, LastTerminationState: ended("before")}, "before"},
		{"it ended before and runs", corev1.ContainerStatus{Name: manifests.GatewayName, State: running, LastTerminationState: ended("before")}, ""},
		{"it is ready again", corev1.ContainerStatus{Name: manifests.GatewayName, Ready: true, State: running, LastTerminationState: ended("before")}, ""},
		{"another container ended", corev1.ContainerStatus{Name: "mesh", State: ended("now")}, ""},
	} {
		pod := &corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{c.container}}}
		kept, err := keepPod(pod)
		if err != nil {
			t.Fatal(err)
		}
		if is := diagnose.TerminationMessage(kept.(*corev1.Pod)); is != c.want {
			t.Errorf("%s: %q, want %q", c.what, is, c.want)
		}
	}
	if is := diagnose.TerminationMessage(nil); is != "" {
		t.Errorf("no pod says %q", is)
	}
}

func TestCachesKeepWhatDecidesAboutTheVolume(t *testing.T) {
	set := &appsv1.StatefulSet{}
	set.Spec.Template.Annotations = map[string]string{manifests.AnnotationConfigHash: "1", "another": "2"}
	kept, err := keepStatefulSet(set)
	if err != nil {
		t.Fatal(err)
	}
	if is := kept.(*appsv1.StatefulSet).Spec.Template.Annotations; len(is) != 1 || is[manifests.AnnotationConfigHash] != "1" {
		t.Errorf("of a StatefulSet %v is kept", is)
	}
	for _, c := range []struct{ requested, capacity string }{{"1Gi", ""}, {"1Gi", "1Gi"}, {"1Gi", "10Gi"}, {"50Ti", "10Gi"}} {
		claim := &corev1.PersistentVolumeClaim{}
		claim.Spec.Resources.Requests = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(c.requested)}
		if c.capacity != "" {
			claim.Status.Capacity = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(c.capacity)}
		}
		kept, err := keepClaim(claim)
		if err != nil {
			t.Fatal(err)
		}
		is, there := kept.(*corev1.PersistentVolumeClaim).Status.Capacity[corev1.ResourceStorage]
		if there != (c.capacity != "") || there && is.String() != c.capacity {
			t.Errorf("of a claim that requests %s, the capacity is %s, want %q", c.requested, is.String(), c.capacity)
		}
	}
}

// TestRejectedStorageIsNotTheWholeSpec: the status is that of a gateway that serves, and says what is not applied.
func TestRejectedStorageIsNotTheWholeSpec(t *testing.T) {
	gt, p := serving(t)
	p.rejectedStorage = &manifests.RejectedError{Reason: v1alpha1.ReasonInvalidStorage, Message: "spec.storage.size is too small"}
	status := statusOf(gt, p)
	for condition, want := range map[string]string{
		v1alpha1.ConditionAccepted: v1alpha1.ReasonInvalidStorage, v1alpha1.ConditionReady: v1alpha1.ReasonInvalidStorage,
		v1alpha1.ConditionStalled: v1alpha1.ReasonInvalidStorage, v1alpha1.ConditionAvailable: v1alpha1.ReasonAvailable,
		v1alpha1.ConditionCertificatesReady: v1alpha1.ReasonIssued,
	} {
		if is := meta.FindStatusCondition(status.Conditions, condition); is == nil || is.Reason != want {
			t.Errorf("%s is %+v, want %s", condition, is, want)
		}
	}
	if is := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady); !strings.HasSuffix(is.Message, "; the rest of the spec is applied") {
		t.Errorf("Ready says %q", is.Message)
	}
	if status.Image != p.tenant.Image {
		t.Errorf("status.image is %q", status.Image)
	}
	p.err = errors.New("quota exceeded")
	status = statusOf(gt, p)
	if is := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady); is.Reason != v1alpha1.ReasonApplyFailed {
		t.Errorf("the rest of the spec cannot be applied, and Ready says %+v", is)
	}
	if meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReconciling) == nil {
		t.Error("it is tried again, and Reconciling does not say so")
	}
}

// TestPlanDecidesAboutTheKeyAsTheOperatorDoes and says what it cannot see.
func TestPlanDecidesAboutTheKeyAsTheOperatorDoes(t *testing.T) {
	platform, err := manifests.NewPlatform("", "certgen:1", []string{"ghcr.io/nvidia/"})
	if err != nil {
		t.Fatal(err)
	}
	scheme := newScheme(t)
	gt := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: v1alpha1.Name, UID: "1"}, Spec: v1alpha1.GatewayTenantSpec{Image: withKey}}
	of := func(object client.Object) *unstructured.Unstructured {
		object.SetNamespace("a")
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
		if err != nil {
			t.Fatal(err)
		}
		return &unstructured.Unstructured{Object: content}
	}
	claim := of(&corev1.PersistentVolumeClaim{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "PersistentVolumeClaim"},
		ObjectMeta: metav1.ObjectMeta{Name: manifests.ClaimName, Labels: manifests.Labels(), Annotations: map[string]string{"openshell.ambient-code.io/highest-version": "0.0.111"}},
	})
	set := of(&appsv1.StatefulSet{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "StatefulSet"},
		ObjectMeta: metav1.ObjectMeta{Name: manifests.GatewayName, UID: "2", OwnerReferences: []metav1.OwnerReference{manifests.Owner("1")}},
		Spec:       appsv1.StatefulSetSpec{Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: manifests.GatewayName, Image: withKey}}}}},
	})
	yes := true
	pod := of(&corev1.Pod{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{Name: manifests.PodName, OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "StatefulSet", Name: manifests.GatewayName, UID: "2", Controller: &yes}}},
		Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{
			Name: manifests.GatewayName, LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1, Message: noRootKey}},
		}}},
	})
	for _, c := range []struct {
		what   string
		live   Live
		held   bool
		unsure bool
	}{
		{"its termination message tells", Live{Objects: []*unstructured.Unstructured{pod, claim, set}}, false, false},
		{"it has no pod", Live{Objects: []*unstructured.Unstructured{claim, set}}, true, false},
		{"its pod cannot be read", Live{Objects: []*unstructured.Unstructured{claim, set}, Unreadable: []string{"Pod"}}, true, true},
	} {
		f, err := Foresee(gt, c.live, platform, scheme, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if held := f.Rejected != nil && f.Rejected.Reason == v1alpha1.ReasonKeyPathUnknown; held != c.held {
			t.Errorf("%s: it is rejected for %+v, want it held: %v", c.what, f.Rejected, c.held)
		}
		if f.Unknown != c.unsure {
			t.Errorf("%s: unknown: %v, unsure of %q", c.what, f.Unknown, f.Unsure)
		}
	}
}
