package plugin

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// State is the health of an object.
type State string

// States of objects.
const (
	Good    State = "ok"
	Working State = "working" // it is being changed or started
	Bad     State = "failing"
	Gone    State = "missing"
	Unseen  State = "unseen" // the user may not read it
)

// Status is the state of a tenant.
type Status struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// Ready is True, False or Unknown. Reason and Message are those of the condition Ready. While it is not True, they are what the
	// tenant waits for.
	Ready   metav1.ConditionStatus `json:"ready"`
	Reason  string                 `json:"reason"`
	Message string                 `json:"message"`
	Warning string                 `json:"warning,omitempty"`
	// Note is the message of the open default, which nearly every tenant has, if there is no other warning.
	Note string `json:"note,omitempty"`
	// Source is the ConfigMap with its entry. It is empty if the tenant has none.
	Source              string       `json:"source,omitempty"`
	Image               string       `json:"image,omitempty"`
	Version             string       `json:"version,omitempty"`
	Endpoint            string       `json:"endpoint,omitempty"`
	ServerDNSNames      []string     `json:"serverDnsNames,omitempty"`
	CertificateNotAfter *metav1.Time `json:"certificateNotAfter,omitempty"`
	// Conditions are Accepted, CertificatesReady and Available, each with the objects that it is about.
	Conditions []Part `json:"conditions"`
	// Others are the objects that no condition is about.
	Others []Object `json:"others"`
}

// Part is a condition with its objects.
type Part struct {
	Type    string                 `json:"type"`
	Status  metav1.ConditionStatus `json:"status"`
	Reason  string                 `json:"reason"`
	Message string                 `json:"message"`
	Objects []Object               `json:"objects,omitempty"`
}

// Object is an object of a tenant and its health.
type Object struct {
	Kind    string   `json:"kind"`
	Name    string   `json:"name"`
	State   State    `json:"state"`
	Message string   `json:"message,omitempty"`
	Objects []Object `json:"objects,omitempty"`
}

// Statuses returns the status of the tenant in a namespace, or of all tenants if the namespace is empty.
func Statuses(ctx context.Context, cluster client.Reader, namespace string, now time.Time) ([]Status, error) {
	var list v1alpha1.GatewayTenantList
	if err := cluster.List(ctx, &list, client.InNamespace(namespace)); err != nil {
		return nil, explain(err)
	}
	var names []string
	for _, tenant := range list.Items {
		names = append(names, tenant.Namespace)
	}
	snapshots, err := readSnapshots(ctx, cluster, names)
	if err != nil {
		return nil, err
	}
	all := []Status{}
	for i := range list.Items {
		tenant := &list.Items[i]
		pod, err := readPod(ctx, cluster, tenant.Namespace)
		if err != nil {
			return nil, err
		}
		all = append(all, StatusOf(tenant, snapshots[tenant.Namespace], pod, now))
	}
	slices.SortFunc(all, func(a, b Status) int { return strings.Compare(a.Namespace, b.Namespace) })
	return all, nil
}

// readPod returns the gateway's pod. It is nil if it does not exist or the user may not read it.
func readPod(ctx context.Context, cluster client.Reader, namespace string) (*corev1.Pod, error) {
	pod := &corev1.Pod{}
	err := cluster.Get(ctx, client.ObjectKey{Namespace: namespace, Name: manifests.PodName}, pod)
	if apierrors.IsNotFound(err) || apierrors.IsForbidden(err) {
		return nil, nil
	}
	return pod, err
}

// StatusOf returns the status of a tenant. What it waits for is reported in the operator's own messages.
func StatusOf(tenant *v1alpha1.GatewayTenant, snapshot observe.Snapshot, pod *corev1.Pod, now time.Time) Status {
	is := tenant.Status
	s := Status{
		Namespace: tenant.Namespace, Name: tenant.Name, Source: tenant.Annotations[v1alpha1.AnnotationSource],
		Ready: metav1.ConditionUnknown, Reason: "NotSeen", Message: "waits for the operator, which has not looked at it yet",
		Image: is.Image, Version: is.Version, Endpoint: is.Endpoint, ServerDNSNames: is.ServerDNSNames, CertificateNotAfter: is.CertificateNotAfter,
	}
	if ready := meta.FindStatusCondition(is.Conditions, v1alpha1.ConditionReady); ready != nil {
		s.Ready, s.Reason, s.Message = ready.Status, ready.Reason, ready.Message
		if ready.ObservedGeneration < tenant.Generation {
			s.Ready, s.Reason, s.Message = metav1.ConditionUnknown, "Outdated", "waits for the operator, which has not looked at its present spec yet"
		}
	}
	switch warning := meta.FindStatusCondition(is.Conditions, v1alpha1.ConditionWarning); {
	case warning == nil:
	case warning.Reason == v1alpha1.ReasonOpenDefault:
		s.Note = warning.Message
	default:
		s.Warning = warning.Message
	}
	observer := observer{snapshot, pod, now}
	for _, name := range []string{v1alpha1.ConditionAccepted, v1alpha1.ConditionCertificatesReady, v1alpha1.ConditionAvailable} {
		part := Part{Type: name, Status: metav1.ConditionUnknown}
		if condition := meta.FindStatusCondition(is.Conditions, name); condition != nil {
			part.Status, part.Reason, part.Message = condition.Status, condition.Reason, condition.Message
		}
		switch name {
		case v1alpha1.ConditionCertificatesReady:
			part.Objects = append(observer.secrets(tenant), observer.job()...)
		case v1alpha1.ConditionAvailable:
			part.Objects = []Object{observer.statefulSet(), observer.claim()}
		}
		s.Conditions = append(s.Conditions, part)
	}
	s.Others = observer.others(tenant.Namespace)
	return s
}

// observer describes the objects of one tenant.
type observer struct {
	snapshot observe.Snapshot
	pod      *corev1.Pod
	now      time.Time
}

// find returns an object, and its health as far as its existence shows it. The first result is nil if it was not found.
func (o observer) find(kind, name string) (*unstructured.Unstructured, Object) {
	object := Object{Kind: kind, Name: name, State: Gone}
	for _, is := range o.snapshot.Objects {
		if is.GetKind() != kind || is.GetName() != name {
			continue
		}
		object.State = Good
		if is.GetDeletionTimestamp() != nil {
			object.State, object.Message = Working, "is being deleted"
		}
		return is, object
	}
	if slices.Contains(o.snapshot.Unreadable, kind) {
		object.State, object.Message = Unseen, "you may not read it"
	}
	return nil, object
}

// secrets returns the tenant's Secrets. The operator's own function inspects them, for the names that the certificate has now. The
// condition reports what the spec requires in addition.
func (o observer) secrets(tenant *v1alpha1.GatewayTenant) []Object {
	seen := certificates.Inspect(o.snapshot.Secrets, certificates.Desired{Owner: tenant.UID, ServerNames: tenant.Status.ServerDNSNames}, o.now)
	var all []Object
	for _, name := range manifests.SecretNames {
		object := Object{Kind: "Secret", Name: name, State: Good}
		finding := seen.Finding(name)
		switch {
		case o.snapshot.Secrets == nil:
			object.State, object.Message = Unseen, "you may not read it"
		case finding.Need == certificates.Missing:
			object.State = Gone
		case finding.Need == certificates.Invalid || finding.Blocked != "":
			object.State, object.Message = Bad, strings.TrimPrefix(finding.String(), "Secret "+name+" ")
		case finding.Need != certificates.Valid:
			object.State, object.Message = Working, finding.Message
		}
		if end, known := certificates.Expiry(o.snapshot.Secrets[name]); known && object.Message == "" {
			object.Message = "until " + day(end, o.now)
		}
		all = append(all, object)
	}
	return all
}

// job returns the certgen Job, if it exists. It exists only while certgen runs and for a while after that.
func (o observer) job() []Object {
	is, object := o.find("Job", manifests.CertgenName)
	if is == nil {
		return nil
	}
	job := &batchv1.Job{}
	if runtime.DefaultUnstructuredConverter.FromUnstructured(is.Object, job) != nil {
		return []Object{object}
	}
	object.State, object.Message = Working, "runs"
	for _, condition := range job.Status.Conditions {
		switch {
		case condition.Status != corev1.ConditionTrue:
		case condition.Type == batchv1.JobComplete:
			object.State, object.Message = Good, "complete"
		case condition.Type == batchv1.JobFailed:
			object.State, object.Message = Bad, condition.Message
		}
	}
	return []Object{object}
}

func (o observer) statefulSet() Object {
	is, object := o.find("StatefulSet", manifests.GatewayName)
	if is == nil {
		return object
	}
	set := &appsv1.StatefulSet{}
	if runtime.DefaultUnstructuredConverter.FromUnstructured(is.Object, set) == nil {
		object.Message = fmt.Sprintf("%d of 1 ready", set.Status.ReadyReplicas)
		if set.Status.ReadyReplicas < 1 || set.Status.CurrentRevision != set.Status.UpdateRevision {
			object.State = Working
		}
	}
	if o.pod != nil {
		object.Objects = []Object{podObject(o.pod, o.now)}
	}
	return object
}

func (o observer) claim() Object {
	is, object := o.find("PersistentVolumeClaim", manifests.ClaimName)
	if is == nil {
		return object
	}
	claim := &corev1.PersistentVolumeClaim{}
	if runtime.DefaultUnstructuredConverter.FromUnstructured(is.Object, claim) == nil {
		size := claim.Status.Capacity[corev1.ResourceStorage]
		object.Message = fmt.Sprintf("bound, %s", size.String())
		if claim.Status.Phase != corev1.ClaimBound {
			object.State, object.Message = Working, "is not bound"
		}
	}
	return object
}

// described are the kinds of the objects that a condition is about. optional are objects that need not exist.
var (
	described = []string{"StatefulSet", "PersistentVolumeClaim", "Job", "Pod"}
	optional  = append(append([]observe.Ref{observe.OtherWorkload, observe.SharedBinding}, observe.Optional...), observe.Leftovers...)
)

// others returns the objects of which only the existence is reported. Optional objects are among them only if they exist.
func (o observer) others(namespace string) []Object {
	var all []Object
	for _, ref := range observe.Refs(namespace) {
		if slices.Contains(described, ref.Kind) {
			continue
		}
		is, object := o.find(ref.Kind, ref.Name)
		if !o.isOptional(ref) || is != nil && slices.Contains(observe.Optional, ref) {
			all = append(all, object)
		}
	}
	slices.SortStableFunc(all, func(a, b Object) int { return strings.Compare(a.Kind, b.Kind) })
	return all
}

// isOptional reports whether an object need not exist. Of the two RoleBindings for sandboxes, one must exist.
func (o observer) isOptional(ref observe.Ref) bool {
	if ref.Kind == "RoleBinding" && ref.Name == manifests.SandboxName {
		v2, _ := o.find(ref.Kind, manifests.SandboxV2Name)
		return v2 != nil
	}
	return slices.Contains(optional, ref)
}

// day formats a date, and how far away it is.
func day(t, now time.Time) string {
	days := int(t.Sub(now) / (24 * time.Hour))
	return fmt.Sprintf("%s (%s)", t.UTC().Format(time.DateOnly), count(days, "day", "days"))
}
