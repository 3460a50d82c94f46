package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/devcluster"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// podCauses are why the pod of a gateway that has served may not run again, as a kubelet and a node controller report it.
var podCauses = []cause{
	{"mount", v1alpha1.ReasonVolumeMountFailed, []string{"node devcluster cannot mount a volume of the pod: Multi-Attach error for volume", "kubectl get volumeattachments"},
		v1alpha1.GatewayTenantSpec{}, withVolume("mount-failure", `FailedAttachVolume: Multi-Attach error for volume "pvc-1" Volume is already used by pod(s) openshell-gateway-0`), restoreVolume},
	{"sandbox", v1alpha1.ReasonPodStuck, []string{"node devcluster cannot start the pod: Failed to create pod sandbox: no address left", "kubectl describe pod openshell-gateway-0 -n broken-sandbox"},
		v1alpha1.GatewayTenantSpec{}, withVolume("mount-failure", "FailedCreatePodSandBox: Failed to create pod sandbox: no address left"), restoreVolume},
	{"memory", v1alpha1.ReasonCrashLoop, []string{"container openshell-gateway was killed because it exceeded its memory limit of 512Mi (OOMKilled, exit code 137)", "kubectl patch pod openshell-gateway-0 -n broken-memory"},
		v1alpha1.GatewayTenantSpec{}, withVolume("fault", "oom"), raiseMemory},
	{"liveness", v1alpha1.ReasonCrashLoop, []string{"container openshell-gateway is restarted because its liveness probe fails (Error, exit code 137): GET /healthz on port 8081: context deadline exceeded", "kubectl logs openshell-gateway-0 -n broken-liveness -c openshell-gateway --previous"},
		v1alpha1.GatewayTenantSpec{}, withVolume("fault", "liveness"), restoreVolume},
	{"unready", v1alpha1.ReasonPodNotReady, []string{"container openshell-gateway runs, but is not ready: GET /readyz on port 8081"},
		v1alpha1.GatewayTenantSpec{}, unready, readyAgain},
	{"init", v1alpha1.ReasonCrashLoop, []string{"init container mesh-init crashes (Error, exit code 1)", "kubectl logs openshell-gateway-0 -n broken-init -c mesh-init --previous"},
		v1alpha1.GatewayTenantSpec{}, initCrashes, withoutInit},
	{"init-image", v1alpha1.ReasonImagePullFailed, []string{"image mesh:v1-never-pulls of init container mesh-init cannot be pulled", "correct the image of this container"},
		v1alpha1.GatewayTenantSpec{}, initImage, withoutInit},
}

// TestReadySaysWhyAPodDoesNotRun is TestReadySaysWhyAGatewayDoesNotServe for what happens to pods on their nodes.
func TestReadySaysWhyAPodDoesNotRun(t *testing.T) {
	t.Parallel()
	readySaysWhy(t, podCauses, (*testing.T).Parallel)
}

// nodeCauses are why nodes, which all tenants share, do not run a pod.
var nodeCauses = []cause{
	{"unscheduled", v1alpha1.ReasonUnschedulable, []string{"no node is available", "make room"}, v1alpha1.GatewayTenantSpec{}, cordon, uncordon},
	{"lost-node", v1alpha1.ReasonNodeLost, []string{"node doomed is lost", "kubectl describe node doomed", "kubectl delete pod openshell-gateway-0 -n broken-lost-node --grace-period=0 --force"},
		v1alpha1.GatewayTenantSpec{}, loseNode, recoverNode},
}

// TestReadySaysWhyNoNodeRunsAPod is TestReadySaysWhyAGatewayDoesNotServe for the states of nodes.
func TestReadySaysWhyNoNodeRunsAPod(t *testing.T) { readySaysWhy(t, nodeCauses, func(*testing.T) {}) }

// serveFirst makes a tenant and waits until it is ready.
func serveFirst(t *testing.T, namespace string) {
	t.Helper()
	cluster.Create(t, operatortest.Tenant(namespace, v1alpha1.GatewayTenantSpec{}))
	waitReady(t, namespace)
}

func deletePod(t *testing.T, namespace string) {
	t.Helper()
	if err := admin.Delete(t.Context(), &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: manifests.PodName, Namespace: namespace}}); err != nil {
		t.Fatal(err)
	}
}

// setControl sets an annotation that controls the stand-in for containers. The value null removes it.
func setControl(t *testing.T, object client.Object, namespace, name, annotation, value string) {
	t.Helper()
	object.SetNamespace(namespace)
	object.SetName(name)
	patch := fmt.Sprintf(`{"metadata":{"annotations":{"devcluster.invalid/%s":%s}}}`, annotation, value)
	if err := admin.Patch(t.Context(), object, client.RawPatch(types.MergePatchType, []byte(patch))); err != nil {
		t.Fatal(err)
	}
}

// withVolume starts the gateway's pod again with an annotation on its volume claim.
func withVolume(annotation, value string) func(t *testing.T, namespace string) {
	return func(t *testing.T, namespace string) {
		t.Helper()
		serveFirst(t, namespace)
		setControl(t, &corev1.PersistentVolumeClaim{}, namespace, manifests.ClaimName, annotation, fmt.Sprintf("%q", value))
		deletePod(t, namespace)
	}
}

func restoreVolume(t *testing.T, namespace string) {
	t.Helper()
	for _, annotation := range []string{"mount-failure", "fault"} {
		setControl(t, &corev1.PersistentVolumeClaim{}, namespace, manifests.ClaimName, annotation, "null")
	}
}

// suggested runs the commands of the message of Ready that begin with these words.
func suggested(t *testing.T, namespace, begin string) {
	t.Helper()
	message := messageOf(get(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name), v1alpha1.ConditionReady)
	_, after, found := strings.Cut(message, "kubectl "+begin)
	if !found {
		t.Fatalf("%q suggests no kubectl %s", message, begin)
	}
	commands, _, _ := strings.Cut(begin+after, ";")
	for command := range strings.SplitSeq(commands, " && kubectl ") {
		args := strings.Fields(strings.ReplaceAll(command, "'", "")) // as a shell does with this one
		if out, err := cluster.Kubectl(t.Context(), args...); err != nil {
			t.Fatalf("kubectl %s: %v: %s", command, err, out)
		}
	}
}

func raiseMemory(t *testing.T, namespace string) {
	t.Helper()
	suggested(t, namespace, "patch pod")
	pod := get(t, &corev1.Pod{}, namespace, manifests.PodName)
	if limit := pod.Spec.Containers[0].Resources.Limits.Memory().String(); limit != "1Gi" {
		t.Errorf("the memory limit is %s", limit)
	}
	restoreVolume(t, namespace)
}

func unready(t *testing.T, namespace string) {
	t.Helper()
	serveFirst(t, namespace)
	setControl(t, &corev1.Pod{}, namespace, manifests.PodName, "fault", `"unready"`)
}

func readyAgain(t *testing.T, namespace string) {
	t.Helper()
	setControl(t, &corev1.Pod{}, namespace, manifests.PodName, "fault", "null")
}

func initCrashes(t *testing.T, namespace string) {
	t.Helper()
	withInit(t, namespace, "mesh:v1-crashes")
}

func initImage(t *testing.T, namespace string) {
	t.Helper()
	withInit(t, namespace, "mesh:v1-never-pulls")
}

// withInit starts the gateway's pod again with an init container, as a service mesh injects it.
func withInit(t *testing.T, namespace, image string) {
	t.Helper()
	serveFirst(t, namespace)
	mutatePods(t, namespace, devcluster.WithInitContainer("mesh-init", image), func(pod *corev1.Pod) bool { return len(pod.Spec.InitContainers) > 0 })
	deletePod(t, namespace)
}

func withoutInit(t *testing.T, namespace string) {
	t.Helper()
	doNotMutatePods(namespace)
	cluster.Eventually(t, 15*time.Second, func() error {
		if probe := probePod(t, namespace); len(probe.Spec.InitContainers) > 0 {
			return errors.New("pods still get an init container")
		}
		return nil
	})
	deletePod(t, namespace)
}

// mutatePods changes pods that are created from now on, once the API server has read that policy.
func mutatePods(t *testing.T, namespace, mutation string, has func(*corev1.Pod) bool) {
	t.Helper()
	if err := cluster.MutatePods(t.Context(), namespace, mutation); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { doNotMutatePods(namespace) })
	cluster.Eventually(t, 15*time.Second, func() error {
		if !has(probePod(t, namespace)) {
			return errors.New("pods are not changed yet")
		}
		return nil
	})
}

func doNotMutatePods(namespace string) {
	for _, object := range []client.Object{&admissionv1.MutatingAdmissionPolicyBinding{}, &admissionv1.MutatingAdmissionPolicy{}} {
		object.SetName("mutate-pods-" + namespace)
		_ = admin.Delete(context.Background(), object)
	}
}

// probePod returns a pod as the API server would create it.
func probePod(t *testing.T, namespace string) *corev1.Pod {
	t.Helper()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "probe", Namespace: namespace},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "a", Image: "a"}}},
	}
	if err := admin.Create(t.Context(), pod, client.DryRunAll); err != nil {
		t.Fatal(err)
	}
	return pod
}

const lostNode = "doomed"

// loseNode simulates the loss of the node of a gateway that serves. Its pod is deleted three seconds later, and stays.
func loseNode(t *testing.T, namespace string) {
	t.Helper()
	if err := cluster.AddNode(t.Context(), lostNode); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = admin.Delete(context.Background(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: lostNode}})
	})
	mutatePods(t, namespace, devcluster.OnNode(lostNode, 3), func(pod *corev1.Pod) bool { return len(pod.Spec.NodeSelector) > 0 })
	serveFirst(t, namespace)
	if err := cluster.LoseNode(t.Context(), lostNode); err != nil {
		t.Fatal(err)
	}
}

func recoverNode(t *testing.T, namespace string) {
	t.Helper()
	lost := &corev1.Pod{}
	cluster.Eventually(t, 20*time.Second, func() error {
		if lost = get(t, lost, namespace, manifests.PodName); lost.DeletionTimestamp == nil {
			return errors.New("the pod is not deleted yet")
		}
		return nil
	})
	atRest(t, namespace)
	oneWarning(t, namespace, v1alpha1.ReasonNodeLost)
	suggested(t, namespace, "taint node")
	cluster.Eventually(t, 45*time.Second, func() error { // the garbage collector of pods looks every 20 s
		pod := &corev1.Pod{}
		if err := admin.Get(t.Context(), client.ObjectKeyFromObject(lost), pod); err != nil {
			return client.IgnoreNotFound(err)
		}
		if pod.UID == lost.UID {
			return errors.New("the pod is still there")
		}
		return nil
	})
	if _, err := cluster.Kubectl(t.Context(), "taint", "node", lostNode, "node.kubernetes.io/out-of-service-"); err != nil {
		t.Fatal(err)
	}
	if err := cluster.RecoverNode(t.Context(), lostNode); err != nil {
		t.Fatal(err)
	}
}
