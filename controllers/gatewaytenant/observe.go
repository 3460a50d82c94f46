package gatewaytenant

import (
	"context"
	"errors"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// observed is what the caches hold of a tenant at the beginning of a pass. It is read only: it is shared.
type observed struct {
	live        map[childKey]metav1.Object // absent: not in it
	statefulSet *appsv1.StatefulSet        // nil: absent
	volume      manifests.Volume
	sandboxAPIs []string                  // the versions that the cluster serves
	job         *batchv1.Job              // nil: absent
	jobTrouble  string                    // why the Job does not do its work
	secrets     map[string]*corev1.Secret // stripped; absent: not in it
}

// observe reads what there is of a tenant. It makes no request.
func (r *Reconciler) observe(ctx context.Context, namespace string) (observed, error) {
	seen := observed{live: make(map[childKey]metav1.Object, len(children)+1), secrets: map[string]*corev1.Secret{}}
	for _, c := range children {
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
			seen.statefulSet = object
			seen.volume.Image = gatewayImage(object)
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
	seen.jobTrouble, err = r.jobTrouble(ctx, seen.job)
	return seen, err
}

// jobTrouble asks the Job's pods, and events about it, why it does not do its work.
func (r *Reconciler) jobTrouble(ctx context.Context, job *batchv1.Job) (string, error) {
	if job == nil || jobIs(job, batchv1.JobComplete) {
		return "", nil
	}
	var pods corev1.PodList
	var events corev1.EventList
	if err := errors.Join(r.List(ctx, &pods, client.InNamespace(job.Namespace)), r.List(ctx, &events, client.InNamespace(job.Namespace))); err != nil {
		return "", fmt.Errorf("reading why Job %s/%s does not end: %w", job.Namespace, job.Name, err)
	}
	return jobTrouble(job, pods.Items, events.Items), nil
}

// found tells an object that is absent from one that could not be read.
func found(err error) (bool, error) {
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}
