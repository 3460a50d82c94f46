package manifests

import (
	"embed"
	"encoding/json"
	"fmt"
	"path"

	"sigs.k8s.io/yaml"
)

//go:embed gateway/*.yaml
var files embed.FS

// templates holds each file under gateway/ as JSON, by its name without the ending. They are read once: parsing YAML
// costs many times what decoding JSON does.
var templates = readTemplates()

func readTemplates() map[string][]byte {
	entries, err := files.ReadDir("gateway")
	if err != nil {
		panic(err) // embedded: cannot happen in a binary that was built
	}
	read := make(map[string][]byte, len(entries))
	for _, entry := range entries {
		name := entry.Name()
		text, err := files.ReadFile(path.Join("gateway", name))
		if err != nil {
			panic(err)
		}
		asJSON, err := yaml.YAMLToJSONStrict(text)
		if err != nil {
			panic(fmt.Sprintf("manifests/gateway/%s: %v", name, err))
		}
		read[name[:len(name)-len(".yaml")]] = asJSON
	}
	return read
}

// template decodes the file gateway/<name>.yaml into a new apply configuration. A field that the type does not know
// is a mistake in the file: a test reads them all strictly, so that here nothing can go wrong any more.
func template[T any](name string) *T {
	object := new(T)
	if err := json.Unmarshal(templates[name], object); err != nil {
		panic(fmt.Sprintf("manifests/gateway/%s.yaml: %v", name, err))
	}
	return object
}
