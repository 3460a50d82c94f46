package main

import (
	"encoding/base64"
	"maps"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/earlier"
)

// TestTruthsCanBeUntrue: each is told of objects that do not belong together.
func TestTruthsCanBeUntrue(t *testing.T) {
	made := func(t *testing.T) objects {
		t.Helper()
		secrets, err := earlier.Secrets("a")
		if err != nil {
			t.Fatal(err)
		}
		is := objects{
			"Pod openshell-gateway-0": of(map[string]any{"labels": map[string]any{"controller-revision-hash": "2"}, "annotations": map[string]any{
				manifests.AnnotationConfigHash: hashOf("text"),
			}}, nil),
			"StatefulSet openshell-gateway":      of(nil, map[string]any{"status": map[string]any{"updateRevision": "2"}}),
			"ConfigMap openshell-gateway-config": of(nil, map[string]any{"data": map[string]any{"gateway.toml": "text"}}),
		}
		for _, secret := range secrets {
			data := map[string]any{}
			for key, value := range secret.Data {
				data[key] = base64.StdEncoding.EncodeToString(value)
			}
			is["Secret "+secret.Name] = of(nil, map[string]any{"data": data})
		}
		pod := is["Pod openshell-gateway-0"]
		pod.SetAnnotations(map[string]string{manifests.AnnotationConfigHash: hashOf("text"), manifests.AnnotationTokenKey: is.secret(manifests.TokenKeysName, "kid")})
		is["GatewayTenant openshell-gateway"] = of(nil, map[string]any{"status": map[string]any{"serverDnsNames": anys(namesIn(is.certificate(manifests.ServerTLSName)))}})
		return is
	}
	if is := (state{"truths": made(t).truths()}); len(is.untrue()) > 0 || len(is["truths"].(map[string]any)) != 6 {
		t.Errorf("of objects that belong together: %v", is)
	}
	another := made(t)
	for truth, replaced := range map[string]string{
		"the pod is of the last revision":          "StatefulSet openshell-gateway",
		"the pod has the present gateway.toml":     "ConfigMap openshell-gateway-config",
		"the pod has the present token key":        "Secret " + manifests.TokenKeysName,
		"clients trust the server":                 "Secret " + manifests.ServerTLSName,
		"the server trusts clients":                "Secret " + manifests.ClientTLSName,
		"the status tells the certificate's names": "GatewayTenant openshell-gateway",
	} {
		is := made(t)
		if is[replaced] = of(nil, nil); strings.HasPrefix(replaced, "Secret ") {
			is[replaced] = another[replaced]
		}
		if untrue := (state{"truths": is.truths()}).untrue(); !slices.Contains(untrue, "it is not true that "+truth) {
			t.Errorf("with another %s: %v", replaced, untrue)
		}
	}
}

// TestPodHasTheFileThatItMounts, if the ConfigMap has several files whose keys contain a hash.
func TestPodHasTheFileThatItMounts(t *testing.T) {
	const mounted, next = "gateway-v2-1111111111111111.toml", "gateway-v2-2222222222222222.toml"
	for _, test := range []struct {
		name, key, annotation string
		want                  bool
	}{
		{"its own", mounted, mounted, true},
		{"another", next, next, false},
		{"another than its annotation says", mounted, next, false},
	} {
		items := []any{map[string]any{"key": test.key, "path": manifests.ConfigKey}}
		is := objects{
			"Pod openshell-gateway-0": of(
				map[string]any{"annotations": map[string]any{manifests.AnnotationConfigHash: hashOf("text"), manifests.AnnotationConfigKey: test.annotation}},
				map[string]any{"spec": map[string]any{"volumes": []any{
					map[string]any{"emptyDir": map[string]any{}}, map[string]any{"configMap": map[string]any{"items": items}},
				}}},
			),
			"ConfigMap openshell-gateway-config": of(nil, map[string]any{"data": map[string]any{mounted: "text", next: "next"}}),
		}
		if got := is.truths()["the pod has the present gateway.toml"]; got != test.want {
			t.Errorf("%s: %v, want %t", test.name, got, test.want)
		}
	}
}

// TestHashesInKeysAreNoDifference between two states, and the number of files is one.
func TestHashesInKeysAreNoDifference(t *testing.T) {
	stateOf := func(keys ...string) state {
		data := map[string]any{}
		for _, key := range keys {
			data[key] = "text"
		}
		mounts := map[string]any{"annotation": keys[0], "items": []any{map[string]any{"key": keys[0]}}}
		return state{"ConfigMap": (&trial{}).leavesOf(data), "StatefulSet": (&trial{}).leavesOf(mounts)}
	}
	if wrong := difference(stateOf("gateway-v2-1.toml"), stateOf("gateway-v2-2.toml")); len(wrong) > 0 {
		t.Error(wrong)
	}
	for _, other := range []state{stateOf("gateway.toml"), stateOf("gateway-v2-1.toml", "gateway-v2-2.toml")} {
		if len(difference(stateOf("gateway-v2-1.toml"), other)) == 0 {
			t.Errorf("no difference to %v", other)
		}
	}
}

func of(metadata, more map[string]any) unstructured.Unstructured {
	object := map[string]any{"metadata": metadata}
	maps.Copy(object, more)
	return unstructured.Unstructured{Object: object}
}

func anys(names []string) []any {
	var all []any
	for _, name := range names {
		all = append(all, name)
	}
	return all
}
