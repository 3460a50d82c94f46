package main

import (
	"maps"
	"net/http"

	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// appliesFilesAgain lets the operator apply its ConfigMap a second time with other files if there are several.
func appliesFilesAgain(edit func(i *infection, files map[string]any)) func(*infection, *http.Request) (*http.Response, error) {
	return func(i *infection, request *http.Request) (*http.Response, error) {
		if !i.is(request, theConfig) {
			return i.next.RoundTrip(request)
		}
		several := false
		again := rewrite(request, func(object map[string]any) {
			files := field(object, "data")
			if several = len(files) > 1; several {
				edit(i, files)
				return
			}
			for key := range files {
				i.memory.LoadOrStore(theConfig, key)
			}
		})
		response, err := i.next.RoundTrip(request)
		if err == nil && several && response.StatusCode < http.StatusBadRequest {
			drop(i.next.RoundTrip(again))
		}
		return response, err
	}
}

// dropsFirstFile leaves out the file that the tenant's first gateway mounts.
var dropsFirstFile = appliesFilesAgain(func(i *infection, files map[string]any) {
	first, _ := i.memory.Load(theConfig)
	maps.DeleteFunc(files, func(key string, _ any) bool { return key == first })
})

// rewritesFile writes the next gateway.toml also to the key that the pod mounts.
var rewritesFile = appliesFilesAgain(func(_ *infection, files map[string]any) {
	for key, text := range files {
		if _, mounted := files[manifests.ConfigKey]; mounted && key != manifests.ConfigKey {
			files[manifests.ConfigKey] = text
		}
	}
})
