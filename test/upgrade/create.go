package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/test/earlier"
)

// createTenants creates all tenants under the running operator. Gateways to adopt serve before their GatewayTenants exist.
func (e *env) createTenants(ctx context.Context) error {
	if err := e.each(ctx, "", e.makeNamespace); err != nil {
		return err
	}
	if err := e.each(ctx, byAdoption, e.makeEarlier); err != nil {
		return err
	}
	text, err := entries(e.tenants)
	if err != nil {
		return err
	}
	config := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: platformNamespace, Name: "platform-config"}, Data: map[string]string{"namespaces": text},
	}
	return errors.Join(e.admin.Create(ctx, config), e.each(ctx, byHand, e.makeTenant), e.each(ctx, byAdoption, e.makeTenant))
}

// makeEarlier creates the gateway of an earlier control plane, and waits until it serves.
func (e *env) makeEarlier(ctx context.Context, t tenant) error {
	if err := earlier.Create(ctx, e.admin, t.Name); err != nil {
		return err
	}
	return await(ctx, time.Minute, func() error {
		set := &appsv1.StatefulSet{}
		err := e.admin.Get(ctx, client.ObjectKey{Namespace: t.Name, Name: v1alpha1.Name}, set)
		if err == nil && set.Status.ReadyReplicas != 1 {
			err = fmt.Errorf("the gateway to adopt in namespace %s is not ready", t.Name)
		}
		return err
	})
}

func (e *env) makeTenant(ctx context.Context, t tenant) error {
	object := &unstructured.Unstructured{Object: map[string]any{"spec": t.Spec}}
	object.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("GatewayTenant"))
	object.SetNamespace(t.Name)
	object.SetName(v1alpha1.Name)
	if err := e.admin.Create(ctx, object); err != nil {
		return fmt.Errorf("creating the GatewayTenant of namespace %s: %w", t.Name, err)
	}
	return nil
}
