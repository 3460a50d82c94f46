package observe

import (
	"cmp"
	"maps"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/diagnose"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/sandboxpods"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/workload"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// Ref identifies one of a tenant's objects. All but ClusterRoleBindings are in the tenant's namespace.
type Ref struct{ Kind, Name string }

// RefOf returns the kind and name of an object.
func RefOf(object interface {
	GetKind() string
	GetName() string
}) Ref {
	return Ref{object.GetKind(), object.GetName()}
}

// Observed is the state of a tenant in the cluster when a reconcile begins. It is read only, since caches share its objects.
type Observed struct {
	// NamespaceUID is the uid of the tenant's namespace.
	NamespaceUID types.UID
	// PodSecurity is the Pod Security level that the namespace enforces. It is empty if its labels set none.
	PodSecurity string
	// Restoring reports whether a backup is being restored into the namespace, so that the objects may be a part of those to come.
	Restoring bool
	// Owners are the uids of the GatewayTenant and of its StatefulSet, which may own the volume claim.
	Owners []types.UID
	// Objects are the tenant's objects that exist, without Secrets unless they were read from a cache.
	Objects map[Ref]metav1.Object
	// StatefulSet is the tenant's own. It is nil if it does not exist.
	StatefulSet *appsv1.StatefulSet
	// Volume is what is known of the volume.
	Volume manifests.Volume
	// FilesApplied is when the operator last wrote these texts. It is zero if the texts were not read.
	FilesApplied metav1.Time
	// FilesErr is why the texts of Volume.Files could not be read. It is nil if they were read, or are not needed.
	FilesErr error
	// SandboxAPIs are the versions of the Sandbox API that the cluster serves. It is nil if they could not be read.
	SandboxAPIs []string
	// SandboxPods is what rejects the pods of sandboxes. It is empty for releases that it does not concern.
	SandboxPods sandboxpods.Rejections
	// Pending reports whether what the status needs is being read for the first time, so that the status has to wait for it.
	Pending bool
	// SharedSubjects are the subjects of the ClusterRoleBinding that an earlier control plane shares among all tenants.
	SharedSubjects []rbacv1.Subject
	// Secrets are the tenant's, by name, without private keys. It is nil if they could not be read.
	Secrets map[string]*corev1.Secret
	// Job is the certgen Job. It is nil if it does not exist.
	Job *batchv1.Job
	// JobProblem is why the Job does not do its work. It is empty if nothing is known.
	JobProblem string
	// Preflight is the preflight Job. It is nil if it does not exist. PreflightProblem is what it found, or why it does not run.
	Preflight        *batchv1.Job
	PreflightProblem diagnose.Problem
	// Pod is the gateway's pod while the gateway does not serve. It is nil if the gateway serves or the pod does not exist.
	Pod *corev1.Pod
	// PodCreated is when the gateway's pod was created. It is zero if there is no pod.
	PodCreated time.Time
	// Problem is why the gateway does not serve, or will soon stop to serve.
	Problem diagnose.Problem
	// Unreadable are the kinds that could not be read. It is nil in the operator.
	Unreadable []string
	// LookAgain is when a problem has to be observed again. It is zero if an event will report the change.
	LookAgain time.Duration
}

// Owns reports whether the StatefulSet exists and is controlled by the GatewayTenant with this uid.
func (o *Observed) Owns(tenant types.UID) bool {
	if o.StatefulSet == nil {
		return false
	}
	controller := metav1.GetControllerOf(o.StatefulSet)
	return controller != nil && controller.UID == tenant
}

// setStatefulSet sets the StatefulSet and the fields that are derived from it. It ignores one of a former GatewayTenant, which is
// about to be removed.
func (o *Observed) setStatefulSet(set *appsv1.StatefulSet) {
	if manifests.OfFormer(set, o.Owners...) {
		return
	}
	o.StatefulSet = set
	o.Volume.Image = gatewayImage(set)
	o.Volume.FileKey = cmp.Or(set.Spec.Template.Annotations[manifests.AnnotationConfigKey], manifests.ConfigKey)
	o.Volume.ConfigHash, o.Volume.Serves = set.Spec.Template.Annotations[manifests.AnnotationConfigHash], workload.Serves(set)
	o.Owners = append(o.Owners, set.UID)
}

// isGatewayPod reports whether a pod belongs to the StatefulSet and has not succeeded.
func isGatewayPod(pod *corev1.Pod, set *appsv1.StatefulSet) bool {
	return metav1.IsControlledBy(pod, set) && pod.Status.Phase != corev1.PodSucceeded
}

// setPod sets what follows from the gateway's pod. The pod itself only matters while the gateway does not serve.
func (o *Observed) setPod(pod *corev1.Pod) {
	o.PodCreated, o.Volume.PodFileKey = pod.CreationTimestamp.Time, cmp.Or(pod.Annotations[manifests.AnnotationConfigKey], manifests.ConfigKey)
	if !workload.Serves(o.StatefulSet) {
		o.Pod = pod
		o.Volume.TerminationMessage = diagnose.TerminationMessage(pod)
	}
}

// setFiles sets the texts of gateway.toml that a ConfigMap contains.
func (o *Observed) setFiles(config metav1.Object, data map[string]string) {
	files := maps.Clone(data)
	maps.DeleteFunc(files, func(key, _ string) bool { return !manifests.IsFileKey(key) })
	o.Volume.Files, o.Volume.FileKeys = files, slices.Sorted(maps.Keys(files))
	o.Volume.OwnFiles = slices.DeleteFunc(slices.Clone(o.Volume.FileKeys), func(key string) bool { return !apply.Owns(config, manifests.Manager, "data", key) })
	o.FilesApplied = apply.AppliedAt(config, manifests.Manager)
}

// lookAgain schedules another observation, unless one is scheduled before that.
func (o *Observed) lookAgain(wait time.Duration) {
	if o.LookAgain == 0 || wait < o.LookAgain {
		o.LookAgain = wait
	}
}

// AddSandboxPods adds what rejects the pods of sandboxes or, if that is not known yet, how much longer the status waits for it.
func (o *Observed) AddSandboxPods(is sandboxpods.Rejections, wait time.Duration) {
	o.SandboxPods = is
	if wait > 0 {
		o.Pending = true
		o.lookAgain(wait)
	}
}
