package gatewaytenant

import (
	"context"
	"errors"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// observed is what the caches hold of a tenant at the beginning of a pass. It is read only: it is shared.
type observed struct {
	owners      []types.UID                // of the GatewayTenant and of its StatefulSet, which may own the claim
	live        map[childKey]metav1.Object // absent: not in it
	statefulSet *appsv1.StatefulSet        // nil: absent
	volume      manifests.Volume
	sandboxAPIs []string                  // the versions that the cluster serves
	job         *batchv1.Job              // nil: absent
	jobTrouble  string                    // why the Job does not do its work
	pod         *corev1.Pod               // the gateway's, unless all is well; nil: absent
	trouble     trouble                   // why the gateway does not serve
	again       time.Duration             // when that has to be looked at again; zero: when something happens
	secrets     map[string]*corev1.Secret // stripped; absent: not in it
}

// observe reads what there is of a tenant. It makes no request.
func (r *Reconciler) observe(ctx context.Context, gt *v1alpha1.GatewayTenant) (observed, error) {
	namespace := gt.Namespace
	seen := observed{owners: []types.UID{gt.UID}, live: make(map[childKey]metav1.Object, len(children)+1), secrets: map[string]*corev1.Secret{}}
	for _, c := range watchedChildren() {
		object := c.object.DeepCopyObject().(client.Object)
		there, err := found(r.caches[c.childKey].Get(ctx, client.ObjectKey{Namespace: namespace, Name: c.name}, object))
		if err != nil {
			return observed{}, fmt.Errorf("reading %s %s/%s: %w", c.kind, namespace, c.name, err)
		}
		if !there {
			continue
		}
		seen.live[c.childKey] = object
		switch object := object.(type) {
		case *appsv1.StatefulSet:
			seen.takeGateway(object)
		case *corev1.PersistentVolumeClaim:
			seen.volume.Claim = object
		case *batchv1.Job:
			seen.job = object
		case *corev1.Secret:
			seen.secrets[object.Name] = object
		}
	}
	binding, err := r.binding(ctx, namespace)
	if err != nil {
		return observed{}, err
	}
	if binding != nil {
		seen.live[childKey{"ClusterRoleBinding", binding.Name}] = binding
	}
	if seen.sandboxAPIs, err = r.sandboxAPIs(ctx); err != nil {
		return observed{}, err
	}
	return seen, r.observeTrouble(ctx, gt, &seen)
}

// takeGateway takes in a StatefulSet, unless it is a former tenant's: that goes, and says nothing of this one.
func (o *observed) takeGateway(set *appsv1.StatefulSet) {
	if manifests.OfFormer(set, o.owners...) {
		return
	}
	o.statefulSet = set
	o.volume.Image = gatewayImage(set)
	o.owners = append(o.owners, set.UID)
}

// observeTrouble asks the pods, and events about what should have made them, why something does not come about.
func (r *Reconciler) observeTrouble(ctx context.Context, gt *v1alpha1.GatewayTenant, seen *observed) error {
	job, set := seen.job, seen.statefulSet
	jobEnds, gatewayServes := job == nil || jobIs(job, batchv1.JobComplete), set == nil || serves(set)
	if jobEnds && gatewayServes {
		return nil
	}
	var pods corev1.PodList
	var events corev1.EventList
	if err := errors.Join(r.List(ctx, &pods, client.InNamespace(gt.Namespace)), r.List(ctx, &events, client.InNamespace(gt.Namespace))); err != nil {
		return fmt.Errorf("reading the pods in namespace %s: %w", gt.Namespace, err)
	}
	if !jobEnds {
		seen.jobTrouble = r.worthAWord(jobTrouble(job, pods.Items, events.Items), seen).words
	}
	if !gatewayServes {
		seen.pod = podOf(set, pods.Items)
		seen.trouble = r.worthAWord(gatewayTrouble(set, seen.volume.Claim, pods.Items, events.Items, r.unavailableSince(gt)), seen)
	}
	return nil
}

// worthAWord is what was found, unless it is too young: then it has to be looked at again.
func (r *Reconciler) worthAWord(found trouble, seen *observed) trouble {
	wait := r.crowd.patience() - r.now().Sub(found.since.Time)
	if found.since.IsZero() || wait <= 0 {
		return found
	}
	if seen.again == 0 || wait < seen.again {
		seen.again = wait
	}
	return trouble{}
}

// unavailableSince is when the gateway stopped to serve, as far as the status tells; nil: it never did serve.
func (r *Reconciler) unavailableSince(gt *v1alpha1.GatewayTenant) *metav1.Time {
	before := meta.FindStatusCondition(gt.Status.Conditions, v1alpha1.ConditionAvailable)
	switch {
	case before == nil:
		return nil
	case before.Status == metav1.ConditionTrue:
		return &metav1.Time{Time: r.now().Truncate(time.Second)} // as events tell the time
	}
	return &before.LastTransitionTime
}

// found tells an object that is absent from one that could not be read.
func found(err error) (bool, error) {
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}
