package main

import (
	"context"
	"fmt"
	"path"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// mounted is the contents of the files that a pod's first container sees in its volumes, by path. It is an error, as
// for a kubelet, if something that it mounts is missing.
func (k *kubelet) mounted(ctx context.Context, pod *corev1.Pod) (map[string][]byte, error) {
	volumes := map[string]map[string][]byte{}
	for _, volume := range pod.Spec.Volumes {
		contents, err := k.volume(ctx, pod.Namespace, volume)
		if err != nil {
			return nil, fmt.Errorf("MountVolume.SetUp failed for volume %q : %w", volume.Name, err)
		}
		volumes[volume.Name] = contents
	}
	files := map[string][]byte{}
	for _, mount := range pod.Spec.Containers[0].VolumeMounts {
		for name, content := range volumes[mount.Name] {
			files[path.Join(mount.MountPath, name)] = content
		}
	}
	return files, nil
}

// volume is what one volume holds.
func (k *kubelet) volume(ctx context.Context, namespace string, volume corev1.Volume) (map[string][]byte, error) {
	switch {
	case volume.ConfigMap != nil:
		config := &corev1.ConfigMap{}
		if err := k.client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: volume.ConfigMap.Name}, config); err != nil {
			return nil, err
		}
		contents := map[string][]byte{}
		for key, value := range config.Data {
			contents[key] = []byte(value)
		}
		return items(contents, volume.ConfigMap.Items)
	case volume.Secret != nil:
		secret := &corev1.Secret{}
		if err := k.client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: volume.Secret.SecretName}, secret); err != nil {
			return nil, err
		}
		return items(secret.Data, volume.Secret.Items)
	case volume.PersistentVolumeClaim != nil:
		claim := &corev1.PersistentVolumeClaim{}
		if err := k.client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: volume.PersistentVolumeClaim.ClaimName}, claim); err != nil {
			return nil, err
		}
		if claim.Status.Phase != corev1.ClaimBound {
			return nil, fmt.Errorf("persistentvolumeclaim %q is not bound", claim.Name)
		}
	}
	return nil, nil // a volume without files of its own, or one of the token, which programs see to
}

// items are the keys that a volume names, by their paths; if it names none, all.
func items(contents map[string][]byte, wanted []corev1.KeyToPath) (map[string][]byte, error) {
	if len(wanted) == 0 {
		return contents, nil
	}
	chosen := map[string][]byte{}
	for _, item := range wanted {
		content, there := contents[item.Key]
		if !there {
			return nil, fmt.Errorf("references non-existent key: %s", item.Key)
		}
		chosen[item.Path] = content
	}
	return chosen, nil
}
