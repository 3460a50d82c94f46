package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/distribution/reference"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// What a gateway's version decides when it starts. From 0.0.88 on it migrates its database, on which older ones do not
// start; from 0.0.107 on it lists its sandboxes first.
const (
	migrates       = 88
	listsSandboxes = 107
)

// checkVersion says why a gateway of this version would not start on its volume and in this cluster. It remembers which
// volumes are migrated.
func (k *kubelet) checkVersion(ctx context.Context, pod *corev1.Pod) error {
	patch, tells := patchOf(pod.Spec.Containers[0].Image)
	if !tells {
		return nil
	}
	if patch >= listsSandboxes {
		if err := k.listSandboxes(ctx, pod.Namespace); err != nil {
			return fmt.Errorf("gateway id backfill: %w", err)
		}
	}
	claim, _, err := k.volumeOf(ctx, pod)
	if err != nil || claim == nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.migrated == nil {
		k.migrated = map[types.UID]bool{}
	}
	if patch < migrates && k.migrated[claim.UID] {
		return fmt.Errorf("migration 6 was previously applied but is missing in the resolved migrations")
	}
	k.migrated[claim.UID] = k.migrated[claim.UID] || patch >= migrates
	return nil
}

// listSandboxes lists the sandboxes of a namespace, by the first version of their API that is served.
func (k *kubelet) listSandboxes(ctx context.Context, namespace string) error {
	var err error
	for _, version := range []string{"v1beta1", "v1alpha1"} {
		list := &metav1.PartialObjectMetadataList{}
		list.SetGroupVersionKind(schema.GroupVersionKind{Group: "agents.x-k8s.io", Version: version, Kind: "SandboxList"})
		err = k.live.List(ctx, list, client.InNamespace(namespace), client.Limit(1))
		if err == nil || !meta.IsNoMatchError(err) && !apierrors.IsNotFound(err) {
			return err
		}
	}
	return err
}

// patchOf is the last number of a version 0.0.N in an image's tag.
func patchOf(image string) (patch int, tells bool) {
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return 0, false
	}
	tagged, ok := named.(reference.Tagged)
	if !ok {
		return 0, false
	}
	n, _ := fmt.Sscanf(strings.TrimPrefix(tagged.Tag(), "v"), "0.0.%d", &patch)
	return patch, n == 1
}
