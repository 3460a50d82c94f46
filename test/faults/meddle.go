package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// mark is a label of somebody else, who changes a tenant's object.
const mark = "faults.example.com/somebody"

// edits are how somebody changes an object of a kind: a field of ours, an element of a list of ours, the owner. What is
// beside our fields would rightly stay.
var edits = map[string]string{
	"ServiceAccount":     `{"automountServiceAccountToken": true, "metadata": {"ownerReferences": null}}`,
	"RoleBinding":        `{"subjects": null}`,
	"ClusterRoleBinding": `{"subjects": null}`,
	"ConfigMap":          `{"data": {}}`, // editOfFiles has the keys
	"NetworkPolicy":      `{"spec": {"podSelector": {"matchLabels": {"some": "body"}}}}`,
	"Service": `{"spec": {"selector": {"some": "body"}, "ports": [{"name": "grpc", "port": 8080}, {"name": "other", "port": 99}, ` +
		`{"name": "metrics", "port": 9090}]}}`,
	"Job":                   `{"metadata": {"annotations": {"openshell.ambient-code.io/wish": "changed"}}}`,
	"PersistentVolumeClaim": `{"metadata": {"labels": {"app.kubernetes.io/managed-by": "somebody"}}}`,
	"StatefulSet": `{"spec": {"replicas": 0, "template": {"spec": {"shareProcessNamespace": true, "initContainers": ` +
		`[{"name": "other", "image": "registry.example.com/other:1"}]}}}}`,
	"Secret": `{"metadata": {"ownerReferences": null}}`,
}

// target of a plan's child.
func (t *trial) object() (*unstructured.Unstructured, id) {
	of, name, _ := strings.Cut(t.child, " ")
	object := objectOf(of)
	object.SetName(name)
	if of == "ClusterRoleBinding" {
		object.SetName(name + ":" + t.namespace)
	} else {
		object.SetNamespace(t.namespace)
	}
	return object, id{of, name}
}

// meddle has somebody else do something to an object just before a write of the operator.
func meddle(do func(ctx context.Context, t *trial, object *unstructured.Unstructured) error) func(*trial) action {
	return func(t *trial) action {
		return func(o *operator, request *http.Request) (*http.Response, error) {
			object, of := t.object()
			err := do(request.Context(), t, object)
			if err == nil {
				t.meddledWith(of)
			} else if !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
				t.fails(fmt.Errorf("meddling with %s: %w", of, err))
			}
			if t.upTo(2) == 0 { // the operator hears of it before or after it goes on
				time.Sleep(100 * time.Millisecond)
			}
			return o.send(request)
		}
	}
}

func (t *trial) meddledWith(of id) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.touched[of] = true
}

func deletes(ctx context.Context, t *trial, object *unstructured.Unstructured) error {
	if err := t.admin.Delete(ctx, object, client.PropagationPolicy("Background")); err != nil {
		return err
	}
	return t.letGo(ctx, id{object.GetKind(), object.GetName()})
}

func changes(ctx context.Context, t *trial, object *unstructured.Unstructured) error {
	edit := edits[object.GetKind()]
	if object.GetKind() == "ConfigMap" {
		var err error
		if edit, err = t.editOfFiles(ctx, object.DeepCopy()); err != nil {
			return err
		}
	}
	patches := []string{`{"metadata": {"labels": {"` + mark + `": "else"}}}`, edit}
	for _, patch := range patches {
		if err := t.admin.Patch(ctx, object.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(patch)), client.FieldOwner("somebody")); err != nil {
			return err
		}
	}
	return nil
}

// editOfFiles returns a patch that changes each gateway.toml in a ConfigMap.
func (t *trial) editOfFiles(ctx context.Context, object *unstructured.Unstructured) (string, error) {
	if err := t.admin.Get(ctx, client.ObjectKeyFromObject(object), object); err != nil {
		return "", err
	}
	data, _, _ := unstructured.NestedStringMap(object.Object, "data")
	for key := range data {
		data[key] = "changed"
	}
	patch, err := json.Marshal(map[string]any{"data": data})
	return string(patch), err
}

// swallow deletes an object and makes it again as it was, and the operator never hears that it was gone.
func swallow(t *trial) action {
	return meddle(func(ctx context.Context, t *trial, object *unstructured.Unstructured) error {
		if err := t.admin.Get(ctx, client.ObjectKeyFromObject(object), object); err != nil {
			return err
		}
		if object.GetDeletionTimestamp() != nil {
			return nil
		}
		resource := strings.ToLower(object.GetKind()) + "s"
		if object.GetKind() == "NetworkPolicy" {
			resource = "networkpolicies"
		}
		resource += "/" + object.GetName()
		o := t.current()
		o.watching.swallow.Store(&resource)
		defer time.AfterFunc(time.Duration(300+t.upTo(2000))*time.Millisecond, func() { o.watching.swallow.Store(nil) })
		if err := t.admin.Delete(ctx, object); client.IgnoreNotFound(err) != nil { // the garbage collector may be first
			return err
		}
		object.SetUID("")
		object.SetResourceVersion("")
		object.SetManagedFields(nil)
		unstructured.RemoveNestedField(object.Object, "spec", "clusterIP")
		unstructured.RemoveNestedField(object.Object, "spec", "clusterIPs")
		return client.IgnoreAlreadyExists(t.admin.Create(ctx, object, client.FieldOwner("somebody")))
	})(t)
}
