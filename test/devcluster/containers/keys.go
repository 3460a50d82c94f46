package main

import (
	"context"
	"fmt"
	"path"

	"github.com/pelletier/go-toml/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// encrypts is the first version whose gateways encrypt stored credentials with a key.
const encrypts = 100

const (
	// annotationRootOwner is on a volume claim. With the value gateway, the root of the volume belongs to the gateway's user;
	// otherwise it belongs to root, as after a mount with fsGroup.
	annotationRootOwner = "devcluster.invalid/root-owner"
	ownedByGateway      = "gateway"
)

// checkKey says why a gateway would not start with its key-encryption key where its gateway.toml has it. It remembers where
// on each volume a key was created. A gateway that would create a second one is refused, which a real one is not: it starts
// and cannot read the credentials that it has stored.
func (k *kubelet) checkKey(ctx context.Context, pod *corev1.Pod, files map[string][]byte) error {
	patch, tells := patchOf(pod.Spec.Containers[0].Image)
	if !tells || patch < encrypts {
		return nil
	}
	var s settings
	if err := toml.Unmarshal(files[configFile(pod.Spec.Containers[0].Args)], &s); err != nil {
		return err
	}
	claim, root, err := k.volumeOf(ctx, pod)
	if err != nil || claim == nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.keys == nil {
		k.keys = map[types.UID]string{}
	}
	there, is := k.keys[claim.UID]
	key := s.OpenShell.Gateway.CredentialStorage.KeyPath
	switch {
	case is && there == key:
		return nil
	case path.Dir(key) == root && claim.Annotations[annotationRootOwner] != ownedByGateway: // whatever is elsewhere on the volume
		return fmt.Errorf("\x1b[31m×\x1b[0m failed to prepare default credential storage key-\n"+
			"  \x1b[31m│\x1b[0m encryption key directory '%s': failed to set\n"+
			"  \x1b[31m│\x1b[0m permissions on %s", key, root)
	case is:
		return fmt.Errorf("default credential storage object was encrypted with a different key-encryption key: there is one at %s, and gateway.toml has %s", there, key)
	}
	k.keys[claim.UID] = key
	return nil
}

// volumeOf returns the claim of a pod's volume and where it is mounted; nil if the pod has none.
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
