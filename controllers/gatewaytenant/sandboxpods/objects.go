package sandboxpods

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/controllers/bounded"
)

// newCache returns a cache of nodes, ResourceQuotas and LimitRanges that holds what decides about sandboxes, and nothing else.
func newCache(kube *rest.Config, options cache.Options) (cache.Cache, error) {
	unsafe := true // nothing modifies what is read from it
	options.DefaultUnsafeDisableDeepCopy = &unsafe
	options.NewInformer = bounded.NewInformer
	options.ByObject = map[client.Object]cache.ByObject{
		&corev1.Node{}:          {Transform: keepNode},
		&corev1.ResourceQuota{}: {Transform: keepQuota},
		&corev1.LimitRange{}:    {Transform: keepLimitRange},
	}
	objects, err := cache.New(kube, options)
	if err != nil {
		return nil, fmt.Errorf("cache of nodes, ResourceQuotas and LimitRanges: %w", err)
	}
	return objects, nil
}

// watchObjects adds the watches to the cache, which begin when it is started.
func (w *Watcher) watchObjects(ctx context.Context) error {
	for object, handler := range map[client.Object]toolscache.ResourceEventHandler{
		&corev1.Node{}: onChange(func(node, before *corev1.Node) {
			if before == nil || !sameNode(node, before) {
				w.noteNodes()
			}
		}),
		&corev1.ResourceQuota{}: onChange(func(quota, before *corev1.ResourceQuota) {
			if before == nil || !equality.Semantic.DeepEqual(quota.Spec, before.Spec) {
				w.enqueueIn(ctx, quota.Namespace)
			}
		}),
		&corev1.LimitRange{}: onChange(func(limitRange, before *corev1.LimitRange) {
			if before == nil || !equality.Semantic.DeepEqual(limitRange.Spec, before.Spec) {
				w.enqueueIn(ctx, limitRange.Namespace)
			}
		}),
	} {
		informer, err := w.objects.GetInformer(ctx, object, cache.BlockUntilSynced(false))
		if err != nil {
			return fmt.Errorf("watching %T: %w", object, err)
		}
		if _, err := informer.AddEventHandler(handler); err != nil {
			return fmt.Errorf("watching %T: %w", object, err)
		}
	}
	return nil
}

// noteNodes notes that the nodes have to be read again.
func (w *Watcher) noteNodes() {
	select {
	case w.nodesChanged <- struct{}{}:
	default: // it is noted already
	}
}
