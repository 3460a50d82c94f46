//go:build linux

package realnode

import (
	"embed"
	"os"
	"path"
	"path/filepath"
	"text/template"
)

//go:embed files
var files embed.FS

// writeConfiguration writes the configuration files of the node's programs into etc in its directory.
func (m *machine) writeConfiguration() error {
	templates, err := template.ParseFS(files, "files/*")
	if err != nil {
		return err
	}
	values := map[string]any{
		"Dir": m.Dir, "Debian": filepath.Join(m.BinDir, "realnode", "debian"), "Name": Name, "Address": address,
		"PodRange": podRange, "NodePodRange": nodePodRange, "Pause": pauseReference, "SyncFrequency": m.SyncFrequency.String(),
	}
	for _, t := range templates.Templates() {
		target := m.path("etc", t.Name())
		if path.Ext(target) == ".conflist" { // containerd reads all files of a directory
			target = m.path("etc", "cni", t.Name())
		}
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		file, err := os.Create(target)
		if err != nil {
			return err
		}
		if err := t.Execute(file, values); err != nil {
			return err
		}
		if err := file.Close(); err != nil {
			return err
		}
	}
	return nil
}
