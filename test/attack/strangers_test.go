package attack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// mostMessage is about the size of the largest message that an object can have: etcd takes 1.5 MiB in all.
const mostMessage = 1_000_000

// events writes Events with large messages about a tenant whose pod a quota refuses, so that the operator wants to know
// why, and goes on while it looks.
func events(ctx context.Context, p *place, namespace string) error {
	if err := p.readyTenant(ctx, namespace); err != nil {
		return err
	}
	quota := &corev1.ResourceQuota{ObjectMeta: named(namespace, "none"), Spec: corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{corev1.ResourcePods: resource.MustParse("0")}}}
	if err := p.client.Create(ctx, quota); err != nil {
		return err
	}
	if err := p.client.Delete(ctx, &corev1.Pod{ObjectMeta: named(namespace, manifests.PodName)}); err != nil {
		return err
	}
	var set appsv1.StatefulSet
	if err := p.client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: manifests.GatewayName}, &set); err != nil {
		return err
	}
	for round := range 2 {
		for i := range 100 {
			about := corev1.ObjectReference{APIVersion: "apps/v1", Kind: "StatefulSet", Namespace: namespace, Name: manifests.GatewayName, UID: set.UID}
			if i%2 == 1 {
				about = corev1.ObjectReference{Kind: "Job", Namespace: namespace, Name: manifests.CertgenName, UID: types.UID(fmt.Sprint("any-", i))}
			}
			event := &corev1.Event{
				ObjectMeta: named(namespace, fmt.Sprintf("event-%d-%d", round, i)), InvolvedObject: about, Type: corev1.EventTypeWarning,
				Reason: "FailedCreate", Message: strings.Repeat("m", mostMessage), LastTimestamp: metav1.Now(), Source: corev1.EventSource{Component: "x"},
			}
			if err := p.write(ctx, func() error { return p.client.Create(ctx, event) }); err != nil {
				return err
			}
		}
		if err := operatortest.Pause(ctx, 2*time.Second); err != nil {
			return err
		}
	}
	return nil
}

// pods creates pods with the labels of a gateway's and of certgen's, large annotations and large messages. One of them has
// the name of the gateway's pod.
func pods(ctx context.Context, p *place, namespace string) error {
	if err := p.namespace(ctx, namespace); err != nil {
		return err
	}
	large := strings.Repeat("m", mostMessage/2)
	for i := range 100 {
		pod := &corev1.Pod{
			ObjectMeta: named(namespace, fmt.Sprintf("pod-%d", i)),
			Spec: corev1.PodSpec{
				SchedulerName: "none", // so that the status is as it is written here
				Containers:    []corev1.Container{{Name: "c", Image: "example.com/image"}},
			},
		}
		pod.Annotations, pod.Labels = largeAnnotations(), map[string]string{manifests.LabelName: manifests.AppName}
		if i%2 == 1 {
			pod.Labels[manifests.LabelName] = manifests.CertgenName
		}
		if i == 0 {
			pod.Name = manifests.PodName
		}
		status := map[string]any{"status": map[string]any{
			"message": "m", "conditions": []map[string]any{{"type": "Ready", "status": "False", "reason": "X", "message": "m"}},
			"containerStatuses": []map[string]any{{
				"name": "c", "image": "example.com/image", "imageID": "", "ready": false, "restartCount": 9,
				"state":     map[string]any{"waiting": map[string]any{"reason": "CrashLoopBackOff", "message": large}},
				"lastState": map[string]any{"terminated": map[string]any{"exitCode": 1, "reason": "Error", "message": large}},
			}},
		}}
		err := p.write(ctx, func() error { return errors.Join(p.client.Create(ctx, pod), p.patchStatus(ctx, pod, status)) })
		if err != nil {
			return err
		}
	}
	return p.client.Create(ctx, &v1alpha1.GatewayTenant{ObjectMeta: named(namespace, v1alpha1.Name)})
}

// jobs creates Jobs with the name of certgen's and large conditions, in namespaces that have a tenant.
func jobs(ctx context.Context, p *place, name string) error {
	for i := range 10 {
		namespace := fmt.Sprintf("%s-%d", name, i)
		if err := p.namespace(ctx, namespace); err != nil {
			return err
		}
		suspend := true
		job := &batchv1.Job{ObjectMeta: named(namespace, manifests.CertgenName), Spec: batchv1.JobSpec{Suspend: &suspend, Template: corev1.PodTemplateSpec{
			Spec: corev1.PodSpec{RestartPolicy: corev1.RestartPolicyNever, Containers: []corev1.Container{{Name: "c", Image: "example.com/image"}}},
		}}}
		job.Annotations = largeAnnotations()
		status := map[string]any{"status": map[string]any{"conditions": []map[string]any{
			{"type": "Example", "status": "True", "reason": "X", "message": strings.Repeat("m", mostMessage)},
		}}}
		err := p.write(ctx, func() error { return errors.Join(p.client.Create(ctx, job), p.patchStatus(ctx, job, status)) })
		if err != nil {
			return err
		}
		if err := p.client.Create(ctx, &v1alpha1.GatewayTenant{ObjectMeta: named(namespace, v1alpha1.Name)}); err != nil {
			return err
		}
	}
	return nil
}

// namespaces creates namespaces with very many labels and large annotations.
func namespaces(ctx context.Context, p *place, name string) error {
	labels := marked()
	for i := range 7000 {
		labels[fmt.Sprintf("example.com/%05d", i)] = strings.Repeat("v", 63)
	}
	for i := range 20 {
		namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("%s-%d", name, i), Labels: labels, Annotations: largeAnnotations()}}
		if err := p.write(ctx, func() error { return p.client.Create(ctx, namespace) }); err != nil {
			return err
		}
	}
	return nil
}

// otherObjects creates large objects with the names of a gateway's, in namespaces that have no tenant.
func otherObjects(ctx context.Context, p *place, name string) error {
	text := strings.Repeat("x", mostMessage)
	for i := range 20 {
		namespace := fmt.Sprintf("%s-%d", name, i)
		if err := p.namespace(ctx, namespace); err != nil {
			return err
		}
		objects := []client.Object{
			&corev1.ConfigMap{ObjectMeta: named(namespace, manifests.ConfigName), Data: map[string]string{manifests.ConfigKey: text}},
			&corev1.Service{ObjectMeta: named(namespace, manifests.GatewayName), Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}}},
			&corev1.ServiceAccount{ObjectMeta: named(namespace, manifests.GatewayName)},
		}
		for _, secret := range manifests.SecretNames {
			objects = append(objects, &corev1.Secret{ObjectMeta: named(namespace, secret), Data: map[string][]byte{"tls.crt": []byte(text)}})
		}
		for _, object := range objects {
			object.SetAnnotations(largeAnnotations())
			if err := p.write(ctx, func() error { return p.client.Create(ctx, object) }); err != nil {
				return err
			}
		}
	}
	return nil
}

// childrenOf returns what a tenant consists of.
func childrenOf(namespace string) []client.Object {
	objects := []client.Object{
		&corev1.ConfigMap{ObjectMeta: named(namespace, manifests.ConfigName)},
		&corev1.Service{ObjectMeta: named(namespace, manifests.GatewayName)},
		&appsv1.StatefulSet{ObjectMeta: named(namespace, manifests.GatewayName)},
		&corev1.PersistentVolumeClaim{ObjectMeta: named(namespace, manifests.ClaimName)},
		&rbacv1.RoleBinding{ObjectMeta: named(namespace, manifests.SandboxName)},
		&networkingv1.NetworkPolicy{ObjectMeta: named(namespace, manifests.SandboxSSHName)},
	}
	for _, name := range []string{manifests.GatewayName, manifests.SandboxName, manifests.CertgenName} {
		objects = append(objects, &corev1.ServiceAccount{ObjectMeta: named(namespace, name)})
	}
	for _, name := range manifests.SecretNames {
		objects = append(objects, &corev1.Secret{ObjectMeta: named(namespace, name)})
	}
	return objects
}

// own has a field manager of its own apply an annotation, which adds to the object's managedFields.
func (p *place) own(ctx context.Context, object client.Object, manager string) error {
	kind, err := p.client.GroupVersionKindFor(object)
	if err != nil {
		return err
	}
	text, err := json.Marshal(map[string]any{"apiVersion": kind.GroupVersion().String(), "kind": kind.Kind, "metadata": map[string]any{
		"annotations": map[string]string{"example.com/" + manager: "x"},
	}})
	if err != nil {
		return err
	}
	copied, _ := object.DeepCopyObject().(client.Object)
	return p.client.Patch(ctx, copied, client.RawPatch(types.ApplyPatchType, text), client.FieldOwner(manager))
}

// patch applies a merge patch to an object, of which only the name is looked at.
func (p *place) patch(ctx context.Context, object client.Object, patch any) error {
	text, err := json.Marshal(patch)
	if err != nil {
		return err
	}
	copied, _ := object.DeepCopyObject().(client.Object) // the answer is written into it
	return p.client.Patch(ctx, copied, client.RawPatch(types.MergePatchType, text))
}

func (p *place) patchStatus(ctx context.Context, object client.Object, patch any) error {
	text, err := json.Marshal(patch)
	if err != nil {
		return err
	}
	copied, _ := object.DeepCopyObject().(client.Object)
	return p.client.Status().Patch(ctx, copied, client.RawPatch(types.MergePatchType, text))
}
