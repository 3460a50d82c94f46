// Package image builds container images from static programs, as an OCI archive that containerd imports.
package image

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"runtime"
	"slices"
)

// Image describes one image. It has no base: it contains Files only.
type Image struct {
	// Reference is its full name with a tag, such as registry.example.com/name:v1.
	Reference string
	// Files are the files of its only layer. Images with equal files share the layer.
	Files []File
	// Entrypoint is the command, and Args are its default arguments.
	Entrypoint, Args []string
	// Env are variables such as NAME=value.
	Env []string
	// User is the user and the group, such as 1000:1000. Empty means root.
	User string
}

// File is a program in an image, readable and executable by all users.
type File struct {
	// Path is the absolute path in the image.
	Path string
	// Source is the file's path on this machine.
	Source string
}

// descriptor refers to a blob of an archive, as the OCI image specification defines it.
type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int               `json:"size"`
	Platform    *platform         `json:"platform,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

type platform struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
}

const (
	mediaTypeLayer    = "application/vnd.oci.image.layer.v1.tar"
	mediaTypeConfig   = "application/vnd.oci.image.config.v1+json"
	mediaTypeManifest = "application/vnd.oci.image.manifest.v1+json"
	mediaTypeIndex    = "application/vnd.oci.image.index.v1+json"
)

// nameAnnotation is the annotation from which containerd takes the reference of an imported image.
const nameAnnotation = "io.containerd.image.name"

// archive writes an OCI archive.
type archive struct {
	tar     *tar.Writer
	written map[string]bool // digests of the blobs
	layers  map[string]descriptor
}

// Write writes an OCI archive of the images to w.
func Write(w io.Writer, images ...Image) error {
	a := archive{tar: tar.NewWriter(w), written: map[string]bool{}, layers: map[string]descriptor{}}
	manifests := make([]descriptor, 0, len(images))
	for _, image := range images {
		manifest, err := a.image(image)
		if err != nil {
			return fmt.Errorf("image %s: %w", image.Reference, err)
		}
		manifests = append(manifests, manifest)
	}
	index, err := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": mediaTypeIndex, "manifests": manifests})
	if err != nil {
		return err
	}
	if err := writeFile(a.tar, "index.json", index, 0o644); err != nil {
		return err
	}
	if err := writeFile(a.tar, "oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`), 0o644); err != nil {
		return err
	}
	return a.tar.Close()
}

// image writes the blobs of an image and returns the descriptor of its manifest.
func (a archive) image(image Image) (descriptor, error) {
	layer, err := a.layer(image.Files)
	if err != nil {
		return descriptor{}, err
	}
	is := platform{Architecture: runtime.GOARCH, OS: "linux"}
	config, err := a.jsonBlob(mediaTypeConfig, map[string]any{
		"architecture": is.Architecture, "os": is.OS,
		"config": map[string]any{"User": image.User, "Env": image.Env, "Entrypoint": image.Entrypoint, "Cmd": image.Args},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{layer.Digest}}, // the layer is not compressed
	})
	if err != nil {
		return descriptor{}, err
	}
	manifest, err := a.jsonBlob(mediaTypeManifest, map[string]any{
		"schemaVersion": 2, "mediaType": mediaTypeManifest, "config": config, "layers": []descriptor{layer},
	})
	manifest.Platform, manifest.Annotations = &is, map[string]string{nameAnnotation: image.Reference}
	return manifest, err
}

// layer writes a layer with these files, unless the archive has it already.
func (a archive) layer(files []File) (descriptor, error) {
	key := fmt.Sprint(files)
	if layer, ok := a.layers[key]; ok {
		return layer, nil
	}
	var text bytes.Buffer
	layer := tar.NewWriter(&text)
	// A directory that a layer does not mention gets the permissions of the machine's umask.
	for _, dir := range directories(files) {
		if err := layer.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: 0o755}); err != nil {
			return descriptor{}, err
		}
	}
	for _, file := range files {
		content, err := os.ReadFile(file.Source)
		if err != nil {
			return descriptor{}, err
		}
		if err := checkStatic(content); err != nil {
			return descriptor{}, fmt.Errorf("%s: %w", file.Source, err)
		}
		if err := writeFile(layer, file.Path[1:], content, 0o755); err != nil {
			return descriptor{}, err
		}
	}
	if err := layer.Close(); err != nil {
		return descriptor{}, err
	}
	blob, err := a.blob(mediaTypeLayer, text.Bytes())
	a.layers[key] = blob
	return blob, err
}

// checkStatic returns an error if a program needs a dynamic linker, which no image of this package has.
func checkStatic(content []byte) error {
	program, err := elf.NewFile(bytes.NewReader(content))
	if err != nil {
		return err
	}
	if slices.ContainsFunc(program.Progs, func(header *elf.Prog) bool { return header.Type == elf.PT_INTERP }) {
		return errors.New("the program is linked dynamically; build it with CGO_ENABLED=0")
	}
	return nil
}

// directories returns the directories of the files, each after its parent, without the leading slash.
func directories(files []File) []string {
	var dirs []string
	for _, file := range files {
		for dir := path.Dir(file.Path); dir != "/"; dir = path.Dir(dir) {
			dirs = append(dirs, dir[1:])
		}
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

func (a archive) jsonBlob(mediaType string, value any) (descriptor, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return descriptor{}, err
	}
	return a.blob(mediaType, text)
}

// blob writes a blob, unless the archive has it already.
func (a archive) blob(mediaType string, content []byte) (descriptor, error) {
	sum := sha256.Sum256(content)
	digest := hex.EncodeToString(sum[:])
	is := descriptor{MediaType: mediaType, Digest: "sha256:" + digest, Size: len(content)}
	if a.written[digest] {
		return is, nil
	}
	a.written[digest] = true
	return is, writeFile(a.tar, "blobs/sha256/"+digest, content, 0o644)
}

func writeFile(w *tar.Writer, name string, content []byte, mode int64) error {
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(content))}); err != nil {
		return err
	}
	_, err := w.Write(content)
	return err
}
