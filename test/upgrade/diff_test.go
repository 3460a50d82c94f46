package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

func object(t *testing.T, text string) map[string]any {
	t.Helper()
	var o map[string]any
	if err := yaml.Unmarshal([]byte(text), &o); err != nil {
		t.Fatal(err)
	}
	return o
}

func paths(changes []change) (all []string) {
	for _, c := range changes {
		all = append(all, c.String())
	}
	return all
}

func TestDiffNamesTheFields(t *testing.T) {
	for name, c := range map[string]struct {
		before, after string
		want          []string
	}{
		"equal":                      {`a: {b: [1, {c: 2}]}`, `a: {b: [1, {c: 2}]}`, nil},
		"a value":                    {`a: {b: 1}`, `a: {b: 2}`, []string{"a.b"}},
		"a key with dots":            {`a: {x.y/z: "1"}`, `a: {x.y/z: "2"}`, []string{"a[x.y/z]"}},
		"a new table is one change":  {`a: {}`, `a: {b: {c: 1, d: 2}}`, []string{"+a.b"}},
		"a field that went":          {`a: {b: 1, c: 1}`, `a: {c: 1}`, []string{"-a.b"}},
		"another type":               {`a: {b: 1}`, `a: [1]`, []string{"a"}},
		"an element by its name":     {`a: [{name: x, v: 1}, {name: z, v: 1}]`, `a: [{name: z, v: 2}]`, []string{"-a[x]", "a[z].v"}},
		"an element by its type":     {`a: [{type: Ready, v: 1}]`, `a: [{type: Warning}, {type: Ready, v: 2}]`, []string{"a[Ready].v", "+a[Warning]"}},
		"names that occur twice":     {`a: [{name: x, mountPath: /1}, {name: x, mountPath: /2}]`, `a: [{name: x, mountPath: /1}]`, []string{"-a[/2]"}},
		"the order alone":            {`a: [{name: x}, {name: z}]`, `a: [{name: z}, {name: x}]`, []string{"a (order)"}},
		"an element by its place":    {`a: [1, 2]`, `a: [1, 3]`, []string{"a[1]"}},
		"lists of different lengths": {`a: [1, 2]`, `a: [1]`, []string{"a"}},
		"several":                    {`{metadata: {labels: {a: b}}, spec: {x: 1}}`, `{metadata: {labels: {a: c}}, spec: {x: 2}}`, []string{"metadata.labels.a", "spec.x"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, paths(diff(object(t, c.before), object(t, c.after)))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCausesOfARestart(t *testing.T) {
	const pod = `
metadata:
  uid: 1
  labels: {app: x, controller-revision-hash: a}
  annotations: {openshell.ambient-code.io/config-hash: a, openshell.ambient-code.io/token-key: a}
spec:
  nodeName: n
  volumes: [{name: kube-api-access-abcde}, {name: data}]
  containers: [{name: gateway, image: "i:1", env: [{name: A, value: a}], volumeMounts: [{name: kube-api-access-abcde, mountPath: /a}]}]
status: {phase: Running}`
	for name, c := range map[string]struct {
		after string
		want  []string
	}{
		"what differs in every pod": {`
metadata:
  uid: 2
  labels: {app: x, controller-revision-hash: b}
  annotations: {openshell.ambient-code.io/config-hash: a, openshell.ambient-code.io/token-key: a}
spec:
  nodeName: m
  volumes: [{name: kube-api-access-fghij}, {name: data}]
  containers: [{name: gateway, image: "i:1", env: [{name: A, value: a}], volumeMounts: [{name: kube-api-access-fghij, mountPath: /a}]}]
status: {phase: Pending}`, []string{"same template"}},
		"all causes": {`
metadata:
  labels: {app: x}
  annotations: {openshell.ambient-code.io/config-hash: b, openshell.ambient-code.io/token-key: b}
spec:
  volumes: [{name: data}]
  containers: [{name: gateway, image: "i:2", env: [{name: A, value: b}], volumeMounts: []}]`,
			[]string{"config-hash", "token-key", "template field spec.containers[gateway].env[A].value", "image"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, causes(object(t, pod), object(t, c.after))); diff != "" {
				t.Error(diff)
			}
		})
	}
}
