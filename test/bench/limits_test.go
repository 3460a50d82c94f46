package main

import (
	"net/http"
	"strings"
	"testing"
)

// TestAFigureOutOfItsLimitsIsFound goes through what can be wrong with a figure.
func TestAFigureOutOfItsLimitsIsFound(t *testing.T) {
	one, three := 1.0, 3.0
	within := limits{"a": {Min: &one, Max: &three}}
	for _, c := range []struct {
		what    string
		figures map[string]float64
		word    string // of what is wrong; empty: nothing is
	}{
		{"in between", map[string]float64{"a": 2, "b": 9}, ""},
		{"at the least", map[string]float64{"a": 1}, ""},
		{"at the most", map[string]float64{"a": 3}, ""},
		{"one request more for one tenant of a thousand", map[string]float64{"a": 3.001}, "more than 3"},
		{"too little", map[string]float64{"a": 0}, "less than 1"},
		{"not measured", map[string]float64{"b": 2}, "no such figure"},
	} {
		t.Run(c.what, func(t *testing.T) {
			wrong := strings.Join(within.check(c.figures), "; ")
			if (wrong == "") != (c.word == "") || !strings.Contains(wrong, c.word) {
				t.Errorf("%q, want %q", wrong, c.word)
			}
		})
	}
}

// TestLimitsAreOfFiguresThatThereAre reads the committed limits: a name that is misspelt would limit nothing.
func TestLimitsAreOfFiguresThatThereAre(t *testing.T) {
	known := map[string]bool{}
	for _, w := range words {
		known[w.key] = true
	}
	for name := range plans {
		l, err := readLimits("limits/" + name + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		for key, b := range l {
			if !known[key] || b.String() == "" {
				t.Errorf("%s: %s limits nothing", name, key)
			}
		}
	}
}

// TestEveryFigureHasALimit looks for figures that no change could fail. The floor's growth explains that of the operator.
func TestEveryFigureHasALimit(t *testing.T) {
	l, err := readLimits("limits/whole.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range words {
		if _, limited := l[w.key]; !limited && w.key != "floor_growth" {
			t.Errorf("%s has no limit", w.key)
		}
	}
}

// TestRequestsAreCountedByVerbAndResource: as the API server's audit log counts them.
func TestRequestsAreCountedByVerbAndResource(t *testing.T) {
	for _, c := range []struct{ method, url, want string }{
		{http.MethodPatch, "/api/v1/namespaces/a/services/openshell-gateway?force=true", "patch services"},
		{http.MethodPatch, "/apis/openshell.ambient-code.io/v1alpha1/namespaces/a/gatewaytenants/openshell-gateway/status", "patch gatewaytenants/status"},
		{http.MethodGet, "/api/v1/namespaces?watch=true", "watch namespaces"},
		{http.MethodGet, "/api/v1/namespaces/a", "get namespaces"},
		{http.MethodGet, "/apis/apps/v1/statefulsets?fieldSelector=metadata.name%3Dopenshell-gateway", "list statefulsets"},
		{http.MethodDelete, "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/b", "delete clusterrolebindings"},
		{http.MethodPost, "/apis/events.k8s.io/v1/namespaces/a/events", "create events"},
		{http.MethodGet, "/apis/apps/v1", ""},
		{http.MethodGet, "/api/v1", ""},
		{http.MethodGet, "/version", ""},
	} {
		request, err := http.NewRequestWithContext(t.Context(), c.method, "https://server"+c.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := keyOf(request); got != c.want {
			t.Errorf("%s %s: %q, want %q", c.method, c.url, got, c.want)
		}
	}
}
