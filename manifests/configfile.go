package manifests

import (
	"cmp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	corev1 "k8s.io/client-go/applyconfigurations/core/v1"
)

// A kubelet mounts the key of a subPath again whenever the container restarts, and no gateway.toml starts gateways of both schema
// versions. So each text that is mounted in this way has a key of its own, which contains its hash. A key stays in the ConfigMap until a
// pod that mounts another one is ready.

const (
	fileKeyPrefix = "gateway-v2-"
	fileKeySuffix = ".toml"
	// maxFiles is how many earlier files the ConfigMap keeps. Only a gateway that does not become ready has more than one or two.
	maxFiles = 8
)

// configFile is a gateway.toml, its hash, and its key in the ConfigMap.
type configFile struct{ text, hash, key string }

// configFile returns the gateway.toml for a volume.
func (t Tenant) configFile(volume Volume) (configFile, error) {
	values, _ := t.keptValues(volume) // unknown only for a volume that is being deleted
	text, err := t.config.Text(t.chosenKeyPath(volume), values)
	if err != nil {
		return configFile{}, err
	}
	file := configFile{text: string(text), hash: hash(string(text)), key: ConfigKey}
	if t.release.ConfigIsFile {
		file.key = fileKey(file.hash)
	}
	return file, nil
}

// fileKey returns the key of a gateway.toml that is mounted by itself.
func fileKey(hash string) string { return fileKeyPrefix + hash + fileKeySuffix }

// IsFileKey reports whether a key of the ConfigMap is that of a gateway.toml.
func IsFileKey(key string) bool {
	return key == ConfigKey || strings.HasPrefix(key, fileKeyPrefix) && strings.HasSuffix(key, fileKeySuffix)
}

// configData returns the data of the ConfigMap: the present file, and the earlier files that a pod may still mount.
func (t Tenant) configData(file configFile, volume Volume) map[string]string {
	data := map[string]string{file.key: file.text}
	for _, key := range earlierKeys(file.key, volume) {
		if text, known := volume.Files[key]; known && volume.isIntact(key, text) {
			data[key] = text
		}
	}
	return data
}

// isIntact reports whether a text is not known to be another client's. Such a text stays in the ConfigMap, but the operator does not
// apply it.
func (v Volume) isIntact(key, text string) bool {
	switch {
	case slices.Contains(v.OwnFiles, key): // also one that the StatefulSet does not have yet
		return true
	case key == ConfigKey:
		return v.FileKey != ConfigKey || v.ConfigHash == hash(text)
	}
	return key == fileKey(hash(text))
}

// replaced reports whether no pod needs anything but the present file: no gateway exists, or a pod that mounts that file is ready.
func replaced(present string, volume Volume) bool {
	return volume.Image == "" || volume.Serves && volume.FileKey == present
}

// earlierKeys returns the keys of the ConfigMap that stay in addition to the present one.
func earlierKeys(present string, volume Volume) []string {
	if replaced(present, volume) {
		return nil
	}
	keys := slices.DeleteFunc(slices.Clone(volume.FileKeys), func(key string) bool { return key == present })
	if len(keys) > maxFiles {
		keys = slices.DeleteFunc(keys, func(key string) bool { return key != volume.FileKey && key != volume.PodFileKey })
	}
	return keys
}

// NeedsFiles reports whether the texts in the ConfigMap decide about what is rendered.
func (t Tenant) NeedsFiles(volume Volume) bool {
	if NeedsEarlierConfig(volume) {
		return true
	}
	if !t.release.ConfigIsFile && !slices.ContainsFunc(volume.FileKeys, func(key string) bool { return key != ConfigKey }) {
		return false
	}
	file, err := t.configFile(volume)
	return err == nil && len(earlierKeys(file.key, volume)) > 0
}

// sandboxBindings returns the RoleBinding for the present gateway, and that for a gateway of the other kind which may still run.
func (t Tenant) sandboxBindings(file configFile, volume Volume) []any {
	keys := append(earlierKeys(file.key, volume), file.key)
	if !replaced(file.key, volume) {
		keys = append(keys, volume.FileKey)
	}
	var bindings []any
	bind := func(name string, isNeeded func(key string) bool) {
		if slices.ContainsFunc(keys, isNeeded) {
			bindings = append(bindings, roleBinding(name, t))
		}
	}
	bind("rolebinding-sandbox", func(key string) bool { return key == ConfigKey })
	bind("rolebinding-sandbox-v2", func(key string) bool { return key != ConfigKey })
	return bindings
}

// file returns the gateway.toml of the StatefulSet or, if there is none, of a StatefulSet that existed. That is not known if the
// ConfigMap has several.
func (v Volume) file() (text string, exists bool) {
	key := v.FileKey
	if key == "" && len(v.FileKeys) == 1 {
		key = v.FileKeys[0]
	}
	text, exists = v.Files[key]
	return text, exists
}

// mountFile makes a pod mount one key of the ConfigMap as a regular file, instead of the whole ConfigMap as symbolic links.
func mountFile(pod *corev1.PodTemplateSpecApplyConfiguration, key string) {
	pod.WithAnnotations(map[string]string{AnnotationConfigKey: key})
	const volume = "gateway-config"
	mounts, volumes := pod.Spec.Containers[0].VolumeMounts, pod.Spec.Volumes
	mount := &mounts[slices.IndexFunc(mounts, func(m corev1.VolumeMountApplyConfiguration) bool { return *m.Name == volume })]
	mount.WithMountPath(*mount.MountPath + "/" + ConfigKey).WithSubPath(ConfigKey)
	source := volumes[slices.IndexFunc(volumes, func(v corev1.VolumeApplyConfiguration) bool { return *v.Name == volume })].ConfigMap
	source.WithItems(corev1.KeyToPath().WithKey(key).WithPath(ConfigKey))
}

// GoesWithThePod reports whether a pod that restarts reads an object of the foundation again. While the StatefulSet must not change, such
// an object must not change either.
func (t Tenant) GoesWithThePod(object *unstructured.Unstructured) bool {
	return object.GetKind() == "ConfigMap" && !t.release.ConfigIsFile
}

// ConfigIn returns the text of the gateway.toml that a rendered StatefulSet mounts from a rendered ConfigMap.
func ConfigIn(config, set *unstructured.Unstructured) string {
	text, _, _ := unstructured.NestedString(config.Object, "data", fileKeyOf(set))
	return text
}

// fileKeyOf returns the key of the gateway.toml that a StatefulSet mounts.
func fileKeyOf(set *unstructured.Unstructured) string {
	key, _, _ := unstructured.NestedString(set.Object, "spec", "template", "metadata", "annotations", AnnotationConfigKey)
	return cmp.Or(key, ConfigKey)
}
