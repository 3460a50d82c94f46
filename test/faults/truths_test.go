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
