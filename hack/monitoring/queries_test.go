package main

import (
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/yaml"

	_ "github.com/ambient-code/gatewaytenant-operator/controllers/operator" // registers the operator's metrics
)

const configDir = "../../config/prometheus/"

// ofTheScrape are labels that Prometheus adds to every metric.
var ofTheScrape = []string{"job", "instance", "pod"}

// TestQueriesKnowTheOperatorsMetrics: a metric that is renamed, or loses a label, would leave an alert silent for ever.
func TestQueriesKnowTheOperatorsMetrics(t *testing.T) {
	registered := registry(t)
	registered["up"] = nil
	queries := append(alertQueries(t), dashboardQueries(t)...)
	if len(queries) < 20 {
		t.Fatalf("found %d queries only: %q", len(queries), queries)
	}
	for _, text := range queries {
		if err := check(text, registered); err != "" {
			t.Errorf("%s\n\t%s", text, err)
		}
	}
}

// TestCheckFindsMistakes keeps the test above from passing whatever it is given.
func TestCheckFindsMistakes(t *testing.T) {
	registered := registry(t)
	for _, wrong := range []string{
		`gatewaytenant_rollout`,
		`gatewaytenant_rollout_tenants{status="waiting"}`,
		`sum by (namespace) (gatewaytenant_rollout_tenants)`,
		`sum without (namespace) (gatewaytenant_rollout_tenants)`,
		`gatewaytenant_rollout_tenants_bucket`,
		`sum(`,
	} {
		if check(wrong, registered) == "" {
			t.Errorf("nothing was found wrong with %s", wrong)
		}
	}
}

// check says what is wrong with a query; empty: nothing is.
func check(text string, registered map[string][]string) string {
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(strings.ReplaceAll(text, "$__rate_interval", "5m"))
	if err != nil {
		return err.Error()
	}
	var wrong []string
	known := map[string]bool{} // labels of all metrics in it
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		if selector, is := node.(*parser.VectorSelector); is {
			has, there := registered[selector.Name]
			if !there {
				wrong = append(wrong, "there is no metric "+selector.Name)
			}
			for _, name := range slices.Concat(has, ofTheScrape) {
				known[name] = true
			}
			for _, matcher := range selector.LabelMatchers {
				if matcher.Name != labels.MetricName && !slices.Contains(has, matcher.Name) && !slices.Contains(ofTheScrape, matcher.Name) {
					wrong = append(wrong, selector.Name+" has no label "+matcher.Name)
				}
			}
		}
		return nil
	})
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		if aggregate, is := node.(*parser.AggregateExpr); is {
			for _, name := range aggregate.Grouping {
				if !known[name] {
					wrong = append(wrong, "no metric in it has the label "+name)
				}
			}
		}
		return nil
	})
	return strings.Join(wrong, "; ")
}

var described = regexp.MustCompile(`^Desc\{fqName: "([^"]+)", help: .*, variableLabels: \{([^}]*)\}\}$`)

// registry is all that the operator's process exposes, with the labels of each.
func registry(t *testing.T) map[string][]string {
	t.Helper()
	all := make(chan *prometheus.Desc)
	go func() {
		metrics.Registry.(prometheus.Collector).Describe(all)
		close(all)
	}()
	registered := map[string][]string{}
	for desc := range all {
		found := described.FindStringSubmatch(desc.String())
		if found == nil {
			t.Fatalf("cannot read %s", desc)
		}
		registered[found[1]] = strings.FieldsFunc(found[2], func(r rune) bool { return r == ',' })
	}
	for name, has := range maps.Clone(registered) {
		if strings.HasPrefix(name, "gatewaytenant_") || !strings.HasSuffix(name, "_seconds") {
			continue // the operator has no histograms of its own
		}
		registered[name+"_bucket"], registered[name+"_sum"], registered[name+"_count"] = append(slices.Clone(has), "le"), has, has
	}
	return registered
}

// alerts are the rules of config/prometheus, as Prometheus itself reads them.
func alerts(t *testing.T) (groups json.RawMessage, rules []rule) {
	t.Helper()
	text, err := os.ReadFile(configDir + "rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var object struct {
		Spec json.RawMessage `json:"spec"`
	}
	if err := yaml.Unmarshal(text, &object); err != nil {
		t.Fatal(err)
	}
	var spec struct {
		Groups []struct {
			Rules []rule `json:"rules"`
		} `json:"groups"`
	}
	if err := json.Unmarshal(object.Spec, &spec); err != nil {
		t.Fatal(err)
	}
	for _, group := range spec.Groups {
		rules = append(rules, group.Rules...)
	}
	return object.Spec, rules
}

type rule struct {
	Alert       string            `json:"alert"`
	Expr        string            `json:"expr"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

func alertQueries(t *testing.T) []string {
	t.Helper()
	_, rules := alerts(t)
	var queries []string
	for _, rule := range rules {
		queries = append(queries, rule.Expr)
	}
	return queries
}

func dashboardQueries(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(configDir + "dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			Targets []struct {
				Expr string `json:"expr"`
			} `json:"targets"`
		} `json:"panels"`
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	var queries []string
	for _, panel := range board.Panels {
		for _, target := range panel.Targets {
			queries = append(queries, target.Expr)
		}
	}
	return queries
}
