package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

func init() {
	for _, order := range slices.Sorted(maps.Keys(operatortest.RestoreOrders)) {
		workloads = append(workloads, &workload{name: "restored, " + order, prepare: saveAndDelete, change: restore(order), done: restored, adopts: true})
	}
}

// saveAndDelete makes a tenant, saves it, deletes its namespace, and waits until nothing of it is left.
func saveAndDelete(ctx context.Context, t *trial) (err error) {
	if err := madeTenant(ctx, t); err != nil {
		return err
	}
	if t.saved, err = operatortest.Backup(ctx, t.admin, t.namespace); err != nil {
		return err
	}
	if err := t.admin.Delete(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: t.namespace}}); err != nil {
		return err
	}
	err = poll(ctx, func() error {
		if left := t.recorder.present(t.namespace); len(left) > 0 {
			return fmt.Errorf("%v are still there", left)
		}
		if err := t.admin.Get(ctx, client.ObjectKey{Name: t.namespace}, &corev1.Namespace{}); err == nil {
			return fmt.Errorf("the namespace is still there")
		} else if client.IgnoreNotFound(err) != nil {
			return err
		}
		return nil
	})
	t.recorder.restart(t.namespace)
	return err
}

// restore creates the namespace with the annotation of a restore, restores the objects in an order while the operator runs, and then
// ends the restore.
func restore(order string) func(context.Context, *trial) error {
	return func(ctx context.Context, t *trial) (err error) {
		if err := t.admin.Create(ctx, operatortest.RestoringNamespace(t.namespace)); err != nil {
			return err
		}
		for _, object := range operatortest.InOrder(t.saved, operatortest.RestoreOrders[order]) {
			if err := client.IgnoreAlreadyExists(operatortest.Restore(ctx, t.admin, object)); err != nil { // a backup tool skips what exists
				return err
			}
			if object.GetKind() == "GatewayTenant" {
				if err := poll(ctx, t.seen); err != nil {
					return err
				}
			}
		}
		if t.tokens, err = t.tokenKeys(ctx); err != nil {
			return err
		}
		return operatortest.EndRestore(ctx, t.admin, t.namespace)
	}
}

// seen returns an error until the operator has written a status of the tenant.
func (t *trial) seen() error {
	tenant, err := t.tenant()
	if err == nil && tenant.Status.ObservedGeneration != tenant.Generation {
		err = errors.New("the tenant has no status yet")
	}
	return err
}

// hasReason returns an error unless a condition of the tenant has a reason, as far as the recorder knows.
func hasReason(t *trial, condition, reason string) error {
	tenant, err := t.tenant()
	if err != nil {
		return err
	}
	if is := meta.FindStatusCondition(tenant.Status.Conditions, condition); is == nil || is.Reason != reason || is.ObservedGeneration != tenant.Generation {
		return fmt.Errorf("generation %d: %s is %+v, want reason %s", tenant.Generation, condition, is, reason)
	}
	return nil
}

// restored returns an error unless the tenant is Ready with the Secrets of the backup.
func restored(t *trial) error {
	if err := ready(t); err != nil || t.meddledAtAll() {
		return err
	}
	for _, object := range t.saved {
		if object.GetKind() != "Secret" {
			continue
		}
		was, is := &corev1.Secret{}, &corev1.Secret{}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, was); err != nil {
			return err
		}
		if err := t.admin.Get(context.Background(), client.ObjectKey{Namespace: t.namespace, Name: object.GetName()}, is); err != nil {
			return err
		}
		if !reflect.DeepEqual(is.Data, was.Data) {
			return fmt.Errorf("the Secret %s is not that of the backup", is.Name)
		}
	}
	return t.sameFacts()
}

// sameFacts returns an error unless the claim records of its volume what that of the backup does.
func (t *trial) sameFacts() error {
	is := &corev1.PersistentVolumeClaim{}
	if err := t.admin.Get(context.Background(), client.ObjectKey{Namespace: t.namespace, Name: manifests.ClaimName}, is); err != nil {
		return err
	}
	i := slices.IndexFunc(t.saved, func(o *unstructured.Unstructured) bool { return o.GetKind() == "PersistentVolumeClaim" })
	for key, value := range t.saved[i].GetAnnotations() {
		if key != "openshell.ambient-code.io/applied-hash" && is.Annotations[key] != value {
			return fmt.Errorf("annotation %s of the claim is %q, and was %q in the backup", key, is.Annotations[key], value)
		}
	}
	return nil
}
