//go:build linux

package realnode

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ambient-code/gatewaytenant-operator/test/devcluster"
	"github.com/ambient-code/gatewaytenant-operator/test/image"
)

// Files in the directory of a node.
const (
	settingsFile  = "settings.json"
	stateFile     = "node.json"
	imagesFile    = "images.tar"
	socketFile    = "node.sock"
	leftoversFile = "leftovers"
	machineLog    = "machine" // the log of the processes of this package
)

// settings are the Options for the processes that run the node.
type settings struct {
	Dir, BinDir                          string
	First                                []string
	Volumes                              int
	SyncFrequency                        time.Duration
	APIServerArgs, ControllerManagerArgs []string
}

// prepare checks the options and writes the directory of a node.
func prepare(o Options) (settings, error) {
	if os.Getuid() != 0 {
		return settings{}, errors.New("it needs root, for namespaces, mounts and cgroups")
	}
	if o.Dir == "" {
		return settings{}, errors.New("Options.Dir is empty")
	}
	s := settings{
		First: slices.Clone(o.First), Volumes: o.Volumes, SyncFrequency: o.SyncFrequency,
		APIServerArgs: o.APIServerArgs, ControllerManagerArgs: o.ControllerManagerArgs,
	}
	var err error
	if s.Dir, err = filepath.Abs(o.Dir); err != nil {
		return s, err
	}
	if s.BinDir, err = findBinaries(o.BinDir); err != nil {
		return s, err
	}
	for _, dir := range []string{s.Dir, s.BinDir} {
		if strings.HasPrefix(dir, "/var/") || strings.HasPrefix(dir, "/run/") {
			return s, fmt.Errorf("%s is below /var or /run, which the node replaces by its own; use another directory", dir)
		}
	}
	if socket := filepath.Join(s.Dir, socketFile); len(socket) > 107 {
		return s, fmt.Errorf("%s is longer than the 107 bytes that the path of a socket may have; use a shorter directory", socket)
	}
	for i, kustomization := range s.First {
		if s.First[i], err = filepath.Abs(kustomization); err != nil {
			return s, err
		}
	}
	if s.Volumes == 0 {
		s.Volumes = 40
	}
	if s.SyncFrequency == 0 {
		s.SyncFrequency = 5 * time.Second
	}
	if existing, _ := os.ReadDir(s.Dir); len(existing) > 0 {
		return s, fmt.Errorf("the directory %s is not empty", s.Dir)
	}
	if err := os.MkdirAll(filepath.Join(s.Dir, "logs"), 0o755); err != nil {
		return s, err
	}
	return s, writeJSON(filepath.Join(s.Dir, settingsFile), s)
}

func readSettings(dir string) (settings, error) {
	text, err := os.ReadFile(filepath.Join(dir, settingsFile))
	if err != nil {
		return settings{}, err
	}
	var s settings
	return s, json.Unmarshal(text, &s)
}

// state identifies the processes of a node.
type state struct {
	Keeper  int    // the process ID of the keeper
	Started string // when it started, so that no other process is taken for it
	Init    int    // the process ID, outside of the namespaces, of the first process in them
}

func (s state) running() bool { return s.Keeper > 0 && startTime(s.Keeper) == s.Started }

// startTime returns when a process started, in clock ticks since boot. It is empty if there is no such process.
func startTime(pid int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:])) // The name before may contain spaces.
	if len(fields) < 20 || fields[0] == "Z" || fields[0] == "X" {
		return ""
	}
	return fields[19]
}

// findBinaries returns the absolute path of the directory of the binaries.
func findBinaries(dir string) (string, error) {
	dir, err := devcluster.BinDir(dir)
	if err != nil {
		return "", err
	}
	for _, name := range []string{"devcluster", "realnode/realnode", "realnode/pause", "realnode/debian/packages"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return "", fmt.Errorf("%w; make realnode-binaries builds it", err)
		}
	}
	return dir, nil
}

// environment returns the variables of the programs of a node: they find the unpacked programs and libraries.
func environment(binDir string) []string {
	debian := filepath.Join(binDir, "realnode", "debian")
	// glob returns the paths that match, whatever the architecture's directory is called.
	glob := func(patterns ...string) string {
		var paths []string
		for _, pattern := range patterns {
			matches, _ := filepath.Glob(filepath.Join(debian, pattern)) // The patterns are valid.
			paths = append(paths, matches...)
		}
		return strings.Join(paths, ":")
	}
	path := []string{
		filepath.Join(debian, "usr/sbin"), filepath.Join(debian, "usr/bin"), filepath.Join(debian, "bin"), binDir, os.Getenv("PATH"),
	}
	return append(os.Environ(),
		"PATH="+strings.Join(path, ":"),
		"LD_LIBRARY_PATH="+glob("usr/lib/*-linux-gnu", "lib/*-linux-gnu"),
		"XTABLES_LIBDIR="+glob("usr/lib/*-linux-gnu/xtables"),
	)
}

// pauseImage is the image of the container that holds the namespaces of a pod.
func pauseImage(binDir string) image.Image {
	return image.Image{
		Reference:  pauseReference,
		Files:      []image.File{{Path: "/pause", Source: filepath.Join(binDir, "realnode", "pause")}},
		Entrypoint: []string{"/pause"},
		User:       "65535:65535",
	}
}

// writeArchive writes an archive of the images.
func writeArchive(path string, images ...image.Image) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := image.Write(file, images...); err != nil {
		return err
	}
	return file.Close()
}

// importArgs are the arguments of ctr that import an archive for the kubelet.
func importArgs(path string) []string {
	return []string{"--namespace=k8s.io", "images", "import", path}
}

func writeJSON(path string, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}
