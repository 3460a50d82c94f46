package image

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestOperatorImageIsWhatTheDockerfileShips(t *testing.T) {
	got, err := FromDockerfile("../../Dockerfile", "/built", "operator:dev")
	want := Image{
		Reference:  "operator:dev",
		Files:      []File{{Path: "/manager", Source: "/built/manager"}, {Path: "/certgen", Source: "/built/certgen"}},
		Entrypoint: []string{"/manager"},
		User:       "65532:65532",
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
}

func TestDockerfileWithUnknownInstructionsIsRejected(t *testing.T) {
	for name, last := range map[string]string{
		"environment":       "ENV A=b\nCOPY --from=build /out/manager /\nENTRYPOINT [\"/manager\"]",
		"command":           "RUN touch /file\nCOPY --from=build /out/manager /\nENTRYPOINT [\"/manager\"]",
		"other source":      "COPY --from=build /etc/passwd /\nENTRYPOINT [\"/manager\"]",
		"build context":     "COPY manager /\nENTRYPOINT [\"/manager\"]",
		"renamed file":      "COPY --from=build /out/manager /operator\nENTRYPOINT [\"/manager\"]",
		"shell form":        "COPY --from=build /out/manager /\nENTRYPOINT /manager",
		"without program":   "ENTRYPOINT [\"/manager\"]",
		"without entry":     "COPY --from=build /out/manager /",
		"unfinished repeat": "COPY --from=build /out/manager /\nENTRYPOINT [\"/manager\"]\nFROM base",
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "Dockerfile")
			if err := os.WriteFile(file, []byte("FROM go AS build\nRUN make binaries\nFROM base\n"+last+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			if got, err := FromDockerfile(file, "/built", "operator:dev"); err == nil {
				t.Errorf("accepted as %+v", got)
			}
		})
	}
}

func TestArchive(t *testing.T) {
	program := build(t)
	first := Image{
		Reference: "registry.example.com/first:v1", Files: []File{{Path: "/opt/bin/program", Source: program}},
		Entrypoint: []string{"/opt/bin/program"}, Args: []string{"serve"}, Env: []string{"A=b"}, User: "1000:1000",
	}
	second := first
	second.Reference, second.Env = "registry.example.com/second:v1", []string{"A=c"}
	var archive bytes.Buffer
	if err := Write(&archive, first, second); err != nil {
		t.Fatal(err)
	}
	files := contents(t, &archive)
	var index struct{ Manifests []descriptor }
	decode(t, files["index.json"], &index)
	if len(index.Manifests) != 2 || index.Manifests[1].Annotations[nameAnnotation] != second.Reference {
		t.Fatalf("the index has %+v", index.Manifests)
	}
	if count := 2 + 2*2 + 1; len(files) != count { // a manifest and a configuration of each image, and one layer
		t.Errorf("the archive has %d files, want %d: equal layers are written once", len(files), count)
	}
	var manifest struct {
		Config descriptor
		Layers []descriptor
	}
	decode(t, blob(t, files, index.Manifests[0]), &manifest)
	var config struct {
		Config struct {
			User                 string
			Env, Entrypoint, Cmd []string
		}
	}
	decode(t, blob(t, files, manifest.Config), &config)
	got, want := config.Config, config.Config
	want.User, want.Env, want.Entrypoint, want.Cmd = first.User, first.Env, first.Entrypoint, first.Args
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the configuration is %+v, want %+v", got, want)
	}
	layer := contents(t, bytes.NewReader(blob(t, files, manifest.Layers[0])))
	text, err := os.ReadFile(program)
	if _, dir := layer["opt/bin/"]; err != nil || !dir || !bytes.Equal(layer["opt/bin/program"], text) {
		t.Errorf("the layer lacks the program or its directory: %v", err)
	}
}

func TestDynamicProgramIsRejected(t *testing.T) {
	script := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(script, []byte("#!/bin/sh\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, source := range []string{script, "/bin/sh"} {
		t.Run(source, func(t *testing.T) {
			err := Write(io.Discard, Image{Reference: "a:b", Files: []File{{Path: "/program", Source: source}}})
			if err == nil || !strings.Contains(err.Error(), source) {
				t.Errorf("%v, want an error that names it", err)
			}
		})
	}
}

// build compiles a static program.
func build(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	source := filepath.Join(dir, "main.go")
	if err := os.WriteFile(source, []byte("package main\n\nfunc main() {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(dir, "program"), source)
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return filepath.Join(dir, "program")
}

// contents returns the files and directories of a tar archive.
func contents(t *testing.T, r io.Reader) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for archive := tar.NewReader(r); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		files[header.Name] = text
	}
}

// blob returns the blob of a descriptor, after it has checked digest and size.
func blob(t *testing.T, files map[string][]byte, d descriptor) []byte {
	t.Helper()
	text := files["blobs/sha256/"+strings.TrimPrefix(d.Digest, "sha256:")]
	if sum := sha256.Sum256(text); "sha256:"+hex.EncodeToString(sum[:]) != d.Digest || len(text) != d.Size {
		t.Fatalf("the blob of %+v has %d bytes and another digest", d, len(text))
	}
	return text
}

func decode(t *testing.T, text []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}
