package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path"
	"strings"

	"github.com/distribution/reference"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/test/gateway"
)

// unreadyError is why a gateway starts and never becomes ready.
type unreadyError struct{ error }

// earlyError is the error of a gateway that ends before it has logged anything.
type earlyError struct{ error }

// volume is what gateways have left on a volume.
type volume struct {
	applied []int  // migrations of the database
	key     string // the path of the key-encryption key, or empty
}

// startGateway returns an error if the gateway of a pod does not start with these files, on its volume and in this
// cluster. If it starts and does not become ready, the error is an unreadyError.
func (k *kubelet) startGateway(ctx context.Context, pod *corev1.Pod, mounted files) error {
	container := pod.Spec.Containers[0]
	name := gateway.ConfigPath(container.Args)
	release, known := releaseOf(container.Image)
	if !known {
		release = gateway.NewestFor(mounted[name].content)
	}
	config, err := gateway.Load(release, name, mounted)
	if err != nil {
		return earlyError{err}
	}
	if known {
		if err := k.useVolume(ctx, pod, release, config, mounted); err != nil {
			return err
		}
		if err := k.listSandboxes(ctx, pod, release); err != nil {
			return err
		}
	}
	return reachable(config)
}

// releaseOf returns the release that an image's tag names. It reports false if the tag names none.
func releaseOf(image string) (gateway.Release, bool) {
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return 0, false
	}
	tagged, ok := named.(reference.Tagged)
	if !ok {
		return 0, false
	}
	return gateway.ParseRelease(tagged.Tag())
}

// useVolume migrates the database on the volume of a pod and creates its key-encryption key, as far as the kubelet records
// them. A gateway that would create a second key is refused, which a real one is not: it starts and cannot read
// the credentials that it has stored.
func (k *kubelet) useVolume(ctx context.Context, pod *corev1.Pod, release gateway.Release, config *gateway.Config, mounted files) error {
	claim, root, err := k.volumeOf(ctx, pod)
	if err != nil || claim == nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	kept := k.volumes[claim.UID]
	if kept == nil {
		kept = &volume{}
		k.volumes[claim.UID] = kept
	}
	pending, err := gateway.Pending(release, kept.applied)
	if err != nil {
		return err
	}
	for _, migration := range pending {
		kept.applied = append(kept.applied, migration.Version)
	}
	key := config.KeyPath(release, root)
	_, isMounted := mounted[key]
	rootKey := path.Dir(key) == root && claim.Annotations[annotationRootOwner] != ownedByGateway
	switch {
	case key == "", isMounted, kept.key == key:
		return nil
	case rootKey, !strings.HasPrefix(key, root+"/"): // all but the volume is read-only
		return gateway.ErrKeyDirectory(key)
	case kept.key != "":
		return fmt.Errorf("default credential storage object was encrypted with a different key-encryption key: there is one at %s, "+
			"and gateway.toml has %s", kept.key, key)
	}
	kept.key = key
	return nil
}

// listSandboxes lists the Sandboxes of a pod's namespace if a gateway of the release does so before it serves.
func (k *kubelet) listSandboxes(ctx context.Context, pod *corev1.Pod, release gateway.Release) error {
	if !release.ListsSandboxes() {
		return nil
	}
	var err error
	for _, version := range []string{"v1beta1", "v1alpha1"} { // the first that is served
		list := &metav1.PartialObjectMetadataList{}
		list.SetGroupVersionKind(schema.GroupVersionKind{Group: "agents.x-k8s.io", Version: version, Kind: "SandboxList"})
		err = k.live.List(ctx, list, client.InNamespace(pod.Namespace), client.Limit(1))
		if err == nil {
			return nil
		}
		if !meta.IsNoMatchError(err) && !apierrors.IsNotFound(err) {
			break
		}
	}
	return fmt.Errorf("gateway id backfill: %w", err)
}

// volumeOf returns the claim of a pod's volume and where it is mounted. The claim is nil if the pod has none.
func (k *kubelet) volumeOf(ctx context.Context, pod *corev1.Pod) (*corev1.PersistentVolumeClaim, string, error) {
	for _, volume := range pod.Spec.Volumes {
		if volume.PersistentVolumeClaim == nil {
			continue
		}
		claim := &corev1.PersistentVolumeClaim{}
		err := k.client.Get(ctx, client.ObjectKey{Namespace: pod.Namespace, Name: volume.PersistentVolumeClaim.ClaimName}, claim)
		for _, mount := range pod.Spec.Containers[0].VolumeMounts {
			if mount.Name == volume.Name {
				return claim, mount.MountPath, err
			}
		}
	}
	return nil, "", nil
}

// reachable returns an unreadyError if the kubelet's probes, or clients, do not reach the gateway from outside the pod.
func reachable(config *gateway.Config) error {
	g := config.OpenShell.Gateway
	if health := g.HealthBindAddress; health == nil || !outside(*health, 8081) {
		return unreadyError{errors.New("connect: connection refused")}
	}
	if !outside(g.BindAddress, 8080) {
		return unreadyError{fmt.Errorf("no client reaches the gateway: it listens on %s", g.BindAddress)}
	}
	return nil
}

func outside(address netip.AddrPort, port uint16) bool {
	return address.Port() == port && !address.Addr().IsLoopback()
}
