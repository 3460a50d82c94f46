package main

import (
	"errors"
	"io/fs"
	"maps"
	"path"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/ambient-code/gatewaytenant-operator/test/gateway"
)

// file is what a container finds at a path.
type file struct {
	content []byte
	kind    gateway.Kind // empty if it is a regular file
}

// files are the files that a container sees in its volumes, by their paths. They implement gateway.Files.
type files map[string]file

// Read follows links, and fails for directories.
func (f files) Read(name string) ([]byte, error) {
	found, ok := f[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	if found.kind == gateway.Directory {
		return nil, errors.New("Is a directory (os error 21)") //nolint:staticcheck // not Go's text
	}
	return found.content, nil
}

// ReadRegular follows no links.
func (f files) ReadRegular(name string) ([]byte, error) {
	found, ok := f[name]
	if ok && found.kind != "" {
		return nil, &gateway.NotRegularError{Path: name, Kind: found.kind}
	}
	return f.Read(name)
}

// place returns the files of a mounted volume. As a kubelet arranges them, the names in the volume of a ConfigMap or Secret
// are symbolic links to what is in the volume now. A subPath is resolved when the container starts: what it names is a
// regular file then, or a directory with regular files. If it names nothing, the kubelet creates an empty directory.
func place(mount corev1.VolumeMount, contents map[string][]byte) files {
	placed := files{}
	for name, content := range contents {
		switch inside, isBelow := strings.CutPrefix(name, mount.SubPath+"/"); {
		case mount.SubPath == "" && strings.Contains(name, "/"): // its directory is the link
			placed[path.Join(mount.MountPath, name)] = file{content: content}
		case mount.SubPath == "":
			placed[path.Join(mount.MountPath, name)] = file{content, gateway.Symlink}
		case name == mount.SubPath:
			placed[mount.MountPath] = file{content: content}
		case isBelow:
			placed[path.Join(mount.MountPath, inside)] = file{content: content}
		}
	}
	if len(placed) == 0 && mount.SubPath != "" {
		placed[mount.MountPath] = file{kind: gateway.Directory}
	}
	return placed
}

// placeAll returns the files of a container's mounts. What it mounts by subPath stays as it was when the container started.
func (m *memory) placeAll(pod *corev1.Pod, volumes map[string]map[string][]byte) files {
	all, bySubPath := files{}, files{}
	for _, mount := range pod.Spec.Containers[0].VolumeMounts {
		placed := place(mount, volumes[mount.Name])
		maps.Copy(all, placed)
		if mount.SubPath != "" {
			maps.Copy(bySubPath, placed)
		}
	}
	status := first.status(&pod.Status)
	if runs := status != nil && status.State.Running != nil; !runs || m.bySubPath == nil {
		m.bySubPath = bySubPath
		return all
	}
	for name := range bySubPath {
		delete(all, name)
	}
	maps.Copy(all, m.bySubPath)
	return all
}
