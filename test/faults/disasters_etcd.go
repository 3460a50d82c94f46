package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// fingerprint is what must be the same after a restore: the Secrets' contents, the volume claim, and the image.
func (t *trial) fingerprint(ctx context.Context) (map[string]string, error) {
	is := map[string]string{}
	for _, name := range manifests.SecretNames {
		secret := &corev1.Secret{}
		if err := t.admin.Get(ctx, client.ObjectKey{Namespace: t.namespace, Name: name}, secret); err != nil {
			return nil, err
		}
		sum := sha256.Sum256(fmt.Append(nil, secret.Data))
		is["Secret "+name] = hex.EncodeToString(sum[:4])
	}
	claim, set := &corev1.PersistentVolumeClaim{}, &appsv1.StatefulSet{}
	if err := t.admin.Get(ctx, client.ObjectKey{Namespace: t.namespace, Name: manifests.ClaimName}, claim); err != nil {
		return nil, err
	}
	if err := t.admin.Get(ctx, client.ObjectKey{Namespace: t.namespace, Name: manifests.GatewayName}, set); err != nil {
		return nil, err
	}
	is["claim"], is["image"] = string(claim.UID), set.Spec.Template.Spec.Containers[0].Image
	return is, nil
}

// restoreEtcd changes tenants after a snapshot of etcd, and restores that while the operator runs.
func (c *campaign) restoreEtcd(ctx context.Context, home *trial, all []*trial) (err error) {
	dir, err := os.MkdirTemp("", "etcd-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	was := map[*trial]map[string]string{}
	for _, t := range all {
		if was[t], err = t.fingerprint(ctx); err != nil {
			return err
		}
	}
	if err := c.cluster.SaveEtcd(ctx, filepath.Join(dir, "snapshot")); err != nil {
		return err
	}
	for i, t := range all {
		if err := retry.OnError(retry.DefaultBackoff, retriable, func() error { return t.diverge(ctx, i) }); err != nil {
			return err
		}
	}
	if err := c.eventually(ctx, all, func(ctx context.Context, t *trial) error {
		if is, err := t.fingerprint(ctx); err == nil && cmp.Equal(is, was[t]) {
			return errors.New("it has not changed yet")
		}
		return nil
	}); err != nil {
		return err
	}
	if err := c.spendRevisions(ctx, all[0].namespace); err != nil {
		return err
	}
	home.proxy.away.Store(true) // otherwise, responses of the API server before it is ready make some watches start again
	if err := c.cluster.RestoreEtcd(ctx, filepath.Join(dir, "snapshot")); err != nil {
		return err
	}
	home.proxy.away.Store(false)
	if c.recorder, err = record(ctx, c.admin); err != nil { // its watches know versions that do not exist any more
		return err
	}
	same := func(ctx context.Context, t *trial) error {
		is, err := t.fingerprint(ctx)
		if err == nil && !cmp.Equal(was[t], is) {
			err = fmt.Errorf("it is not as in the snapshot: %s", cmp.Diff(was[t], is))
		}
		return err
	}
	if err := errors.Join(c.allReady(ctx, all), c.eventually(ctx, all, same)); err != nil {
		return err
	}
	for _, t := range all { // the operator must see what happens from now on
		set := &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Namespace: t.namespace, Name: manifests.GatewayName}}
		service := &corev1.Service{ObjectMeta: set.ObjectMeta}
		if err := retry.OnError(retry.DefaultBackoff, retriable, func() error { return client.IgnoreNotFound(t.admin.Delete(ctx, service)) }); err != nil {
			return err
		}
	}
	if err := c.eventually(ctx, all, func(ctx context.Context, t *trial) error {
		return t.admin.Get(ctx, client.ObjectKey{Namespace: t.namespace, Name: manifests.GatewayName}, &corev1.Service{})
	}); err != nil {
		return err
	}
	return errors.Join(c.allReady(ctx, all), c.eventually(ctx, all, same))
}

// spendRevisions makes so many changes that, after a restore, the cluster does not come to the present revision soon.
func (c *campaign) spendRevisions(ctx context.Context, namespace string) error {
	config := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "spent"}}
	if err := c.admin.Create(ctx, config); err != nil {
		return err
	}
	var writers errgroup.Group
	for range 10 {
		writers.Go(func() error {
			for i := range 300 {
				patch := fmt.Appendf(nil, `{"data": {"x": "%d-%p"}}`, i, &i)
				if err := c.admin.Patch(ctx, config.DeepCopy(), client.RawPatch(types.MergePatchType, patch)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return writers.Wait()
}

// diverge changes a tenant in one of three ways.
func (t *trial) diverge(ctx context.Context, i int) error {
	switch i % 3 {
	case 0:
		return changeTenant(func(gt *v1alpha1.GatewayTenant) { gt.Spec.Image = "ghcr.io/nvidia/openshell/gateway:0.0.110" })(ctx, t)
	case 1:
		return client.IgnoreNotFound(t.admin.Delete(ctx, &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Namespace: t.namespace, Name: v1alpha1.Name}}))
	}
	return changeTenant(func(gt *v1alpha1.GatewayTenant) {
		for _, annotation := range []string{v1alpha1.AnnotationRotateTLS, v1alpha1.AnnotationRotateCA, v1alpha1.AnnotationRotateTokens} {
			metav1.SetMetaDataAnnotation(&gt.ObjectMeta, annotation, "1")
		}
	})(ctx, t)
}

// retriable tells errors of an API server that has just lost etcd.
func retriable(err error) bool { return !apierrors.IsNotFound(err) }
