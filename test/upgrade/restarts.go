package main

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// restart describes the replacement of one gateway's pod.
type restart struct {
	Pods   int      // pods that the StatefulSet controller created
	Causes []string // differences between the pods
}

// String describes the restart with its causes.
func (r restart) String() string {
	switch causes := strings.Join(r.Causes, ", "); r.Pods {
	case 0:
		return "not restarted"
	case 1:
		return "restarted (" + causes + ")"
	default:
		return "restarted several times (" + causes + ")"
	}
}

// causes returns the differences between the pod before a step and the one after it.
func causes(before, after map[string]any) []string {
	if before == nil || after == nil {
		return []string{"no pod to compare with"}
	}
	var all []string
	for _, c := range diff(template(before), template(after)) {
		cause := "template field " + c.String()
		switch {
		case strings.HasPrefix(c.Path, "spec.containers[") && strings.HasSuffix(c.Path, "].image"):
			cause = "image"
		case strings.HasSuffix(c.Path, "/config-hash]"):
			cause = "config-hash"
		case strings.HasSuffix(c.Path, "/token-key]"):
			cause = "token-key"
		}
		if !slices.Contains(all, cause) {
			all = append(all, cause)
		}
	}
	if len(all) == 0 {
		return []string{"same template"}
	}
	return all
}

// template returns the parts of a pod that come from the StatefulSet's template.
func template(pod map[string]any) map[string]any {
	labels, _, _ := unstructured.NestedStringMap(pod, "metadata", "labels")
	delete(labels, "controller-revision-hash")
	annotations, _, _ := unstructured.NestedMap(pod, "metadata", "annotations")
	spec, _, _ := unstructured.NestedMap(pod, "spec") // a copy
	delete(spec, "nodeName")
	dropTokenVolume(spec, "volumes")
	for _, kind := range []string{"containers", "initContainers"} {
		containers, _ := spec[kind].([]any)
		for _, container := range containers {
			if table, is := container.(map[string]any); is {
				dropTokenVolume(table, "volumeMounts")
			}
		}
	}
	keep := map[string]any{}
	for key, value := range labels {
		keep[key] = value
	}
	return map[string]any{"metadata": map[string]any{"labels": keep, "annotations": annotations}, "spec": spec}
}

// dropTokenVolume removes the API server's own volume from a list, because its name differs between pods.
func dropTokenVolume(table map[string]any, field string) {
	list, is := table[field].([]any)
	if !is {
		return
	}
	table[field] = slices.DeleteFunc(list, func(element any) bool {
		entry, _ := element.(map[string]any)
		name, _ := entry["name"].(string)
		return strings.HasPrefix(name, "kube-api-access-")
	})
}

// containerRestarts returns how often the containers of a pod were restarted.
func containerRestarts(pod map[string]any) (count int64) {
	statuses, _, _ := unstructured.NestedSlice(pod, "status", "containerStatuses")
	for _, status := range statuses {
		if table, is := status.(map[string]any); is {
			times, _ := table["restartCount"].(int64)
			count += times
		}
	}
	return count
}
