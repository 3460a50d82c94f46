package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// lateError is the error of volumes whose mount a test delays. No Event reports it.
type lateError struct{ left time.Duration }

func (e lateError) Error() string { return "the volumes are mounted in " + e.left.String() }

// controlledError is the error of volumes whose mount a test lets fail.
type controlledError struct{ reason, message string }

func (e controlledError) Error() string { return e.message }

// mount returns the files that a pod's first container sees in its volumes. It returns an error if the volumes cannot be
// mounted.
func (k *kubelet) mount(ctx context.Context, pod *corev1.Pod, m *memory) (files, error) {
	if failure := k.control(ctx, pod, annotationMountFailure); failure != "" {
		reason, message, _ := strings.Cut(failure, ": ")
		return nil, controlledError{reason, message}
	}
	delay, err := time.ParseDuration(k.control(ctx, pod, annotationMountDelay))
	if left := delay - time.Since(m.seen); err == nil && left > 0 {
		return nil, lateError{left}
	}
	return k.mounted(ctx, pod, m)
}

// mountLater returns the status of a pod whose volumes are not mounted, and when the next attempt is made.
func (k *kubelet) mountLater(pod *corev1.Pod, m *memory, err error) (*corev1.PodStatus, time.Duration) {
	var late lateError
	var controlled controlledError
	switch {
	case errors.As(err, &late):
		return mounting(pod), late.left
	case errors.As(err, &controlled):
		wait := min(500*time.Millisecond<<min(m.mounts, 10), most) // a kubelet's, which ends at two minutes
		m.mounts++
		m.due = time.Now().Add(wait)
		k.recorder.Eventf(pod, nil, corev1.EventTypeWarning, controlled.reason, "Kubelet", "%s", controlled.message) // each attempt is reported
		return mounting(pod), wait
	}
	if m.missing.IsZero() {
		m.missing = time.Now()
	}
	if time.Since(m.missing) > patience { // Sooner it may be that our cache is behind, and an event is a write.
		k.say(pod, m, "FailedMount", err.Error())
	}
	return mounting(pod), poll
}

// mounted returns the same as mount without the controls of tests. As for a kubelet, it is an error if something is missing.
func (k *kubelet) mounted(ctx context.Context, pod *corev1.Pod, m *memory) (files, error) {
	volumes := map[string]map[string][]byte{}
	for _, volume := range pod.Spec.Volumes {
		contents, err := k.volume(ctx, pod.Namespace, volume)
		if err != nil {
			return nil, fmt.Errorf("MountVolume.SetUp failed for volume %q : %w", volume.Name, err)
		}
		volumes[volume.Name] = contents
	}
	return m.placeAll(pod, volumes), nil
}

// volume is what one volume holds.
func (k *kubelet) volume(ctx context.Context, namespace string, volume corev1.Volume) (map[string][]byte, error) {
	switch {
	case volume.ConfigMap != nil:
		v := volume.ConfigMap
		return k.configMap(ctx, namespace, v.Name, v.Items, v.Optional)
	case volume.Secret != nil:
		v := volume.Secret
		return k.secret(ctx, namespace, v.SecretName, v.Items, v.Optional)
	case volume.Projected != nil:
		return k.projected(ctx, namespace, volume.Projected.Sources)
	case volume.PersistentVolumeClaim != nil:
		claim := &corev1.PersistentVolumeClaim{}
		if err := k.client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: volume.PersistentVolumeClaim.ClaimName}, claim); err != nil {
			return nil, err
		}
		if claim.Status.Phase != corev1.ClaimBound {
			return nil, fmt.Errorf("persistentvolumeclaim %q is not bound", claim.Name)
		}
	}
	return nil, nil // a volume without files of its own
}

// projected is what several sources hold in one volume. The token among them is the programs' affair.
func (k *kubelet) projected(ctx context.Context, namespace string, sources []corev1.VolumeProjection) (map[string][]byte, error) {
	all := map[string][]byte{}
	for _, source := range sources {
		var contents map[string][]byte
		var err error
		switch {
		case source.ConfigMap != nil:
			contents, err = k.configMap(ctx, namespace, source.ConfigMap.Name, source.ConfigMap.Items, source.ConfigMap.Optional)
		case source.Secret != nil:
			contents, err = k.secret(ctx, namespace, source.Secret.Name, source.Secret.Items, source.Secret.Optional)
		}
		if err != nil {
			return nil, err
		}
		maps.Copy(all, contents)
	}
	return all, nil
}

func (k *kubelet) configMap(ctx context.Context, namespace, name string, wanted []corev1.KeyToPath, optional *bool) (map[string][]byte, error) {
	config := &corev1.ConfigMap{}
	if err := k.client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, config); err != nil {
		return missing("configmap", name, optional, err)
	}
	contents := maps.Clone(config.BinaryData)
	if contents == nil {
		contents = map[string][]byte{}
	}
	for key, value := range config.Data {
		contents[key] = []byte(value)
	}
	return items("config", contents, wanted, optional)
}

func (k *kubelet) secret(ctx context.Context, namespace, name string, wanted []corev1.KeyToPath, optional *bool) (map[string][]byte, error) {
	secret := &corev1.Secret{}
	if err := k.client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, secret); err != nil {
		return missing("secret", name, optional, err)
	}
	return items("secret", secret.Data, wanted, optional)
}

// missing is what a volume holds whose object could not be had: nothing, if it is optional and does not exist.
func missing(kind, name string, optional *bool, err error) (map[string][]byte, error) {
	switch {
	case !apierrors.IsNotFound(err):
		return nil, err
	case optional != nil && *optional:
		return nil, nil
	default:
		return nil, fmt.Errorf("%s %q not found", kind, name)
	}
}

// items are the keys that a volume names, by their paths; if it names none, all.
func items(kind string, contents map[string][]byte, wanted []corev1.KeyToPath, optional *bool) (map[string][]byte, error) {
	if len(wanted) == 0 {
		return contents, nil
	}
	chosen := map[string][]byte{}
	for _, item := range wanted {
		content, there := contents[item.Key]
		switch {
		case there:
			chosen[item.Path] = content
		case optional == nil || !*optional:
			return nil, fmt.Errorf("references non-existent %s key: %s", kind, item.Key)
		}
	}
	return chosen, nil
}
