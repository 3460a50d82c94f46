package e2e

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/client-go/discovery"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

var update = flag.Bool("update", false, "write what the operator may do into docs/security.md")

// allVerbs are those of all resources, and those that only some know.
var allVerbs = []string{
	"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection",
	"bind", "escalate", "impersonate", "approve", "sign", "attest", "use", "request-serviceaccounts-token-audience",
}

// TestOperatorMayWhatTheThreatModelSays asks the API server, with the operator's token, about every verb on every
// resource that there is: in the operator's own namespace and in another, by each name that its roles know, by another,
// and by none. The answers are the list in docs/security.md, word for word.
func TestOperatorMayWhatTheThreatModelSays(t *testing.T) {
	const doc, begin, end = "../../docs/security.md", "<!-- what the operator may do: begin -->\n", "<!-- what the operator may do: end -->\n"
	cluster.CreateNamespace(t, "any-other")
	operators := as(t, platformNamespace, "gatewaytenant-operator")
	var asked sync.WaitGroup
	var mu sync.Mutex
	may, questions := map[string][]string{}, make(chan authorizationv1.ResourceAttributes)
	total := 0
	for range 16 {
		asked.Go(func() {
			for question := range questions {
				review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &question}}
				if err := operators.Create(t.Context(), review); err != nil {
					t.Error(err)
				}
				mu.Lock()
				if total++; review.Status.Allowed {
					may[where(question)] = append(may[where(question)], question.Verb)
				}
				mu.Unlock()
			}
		})
	}
	for _, question := range everyQuestion(t) {
		questions <- question
	}
	close(questions)
	asked.Wait()
	got := listOf(may)
	t.Logf("%d questions, %d lines of what it may do", total, strings.Count(got, "\n"))
	text, err := os.ReadFile(doc)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, there := strings.Cut(string(text), begin)
	list, after, ended := strings.Cut(rest, end)
	if !there || !ended {
		t.Fatalf("%s has no list between %q and %q", doc, begin, end)
	}
	if *update {
		if err := os.WriteFile(doc, []byte(before+begin+got+end+after), 0o600); err != nil {
			t.Fatal(err)
		}
	} else if diff := cmp.Diff(list, got); diff != "" {
		t.Errorf("it may not what %s says (-doc +is):\n%s", doc, diff)
	}
}

// where is what a question is about, less its verb.
func where(q authorizationv1.ResourceAttributes) string {
	resource, name, place := strings.Trim(q.Group+"/"+q.Resource+"/"+q.Subresource, "/"), "any", "everywhere"
	if q.Name != "" {
		name = "`" + q.Name + "`"
	}
	switch q.Namespace {
	case platformNamespace:
		place = "its own namespace"
	case "":
		place = "cluster"
	}
	return fmt.Sprintf("`%s` | %s | %s", resource, name, place)
}

// listOf is a table of it. What may be done everywhere is not said again of the operator's own namespace, nor what may be
// done by any name of each.
func listOf(may map[string][]string) string {
	var list strings.Builder
	list.WriteString("\n| resource | name | where | verbs |\n|---|---|---|---|\n")
	for _, key := range slices.Sorted(maps.Keys(may)) {
		part := strings.Split(key, " | ")
		covered := append(slices.Clone(may[part[0]+" | "+part[1]+" | everywhere"]), may[part[0]+" | any | "+part[2]]...)
		verbs := slices.DeleteFunc(slices.Clone(may[key]), func(verb string) bool {
			switch {
			case part[2] == "everywhere" || part[2] == "cluster":
				return part[1] != "any" && slices.Contains(may[part[0]+" | any | "+part[2]], verb)
			case part[1] == "any":
				return slices.Contains(may[part[0]+" | any | everywhere"], verb)
			}
			return slices.Contains(covered, verb) || slices.Contains(may[part[0]+" | any | everywhere"], verb)
		})
		if len(verbs) > 0 {
			fmt.Fprintf(&list, "| %s | %s |\n", key, strings.Join(slices.Sorted(slices.Values(verbs)), ", "))
		}
	}
	list.WriteString("\n")
	return list.String()
}

// everyQuestion is every verb on every resource and subresource of the server, by no name, by one that nobody knows, and
// by those in the operator's roles.
func everyQuestion(t *testing.T) []authorizationv1.ResourceAttributes {
	t.Helper()
	known := namesInRoles(t)
	disco, err := discovery.NewDiscoveryClientForConfig(cluster.Config())
	if err != nil {
		t.Fatal(err)
	}
	_, lists, err := disco.ServerGroupsAndResources()
	if err != nil {
		t.Fatal(err)
	}
	var questions []authorizationv1.ResourceAttributes
	for _, list := range lists {
		group, _, found := strings.Cut(list.GroupVersion, "/")
		if !found {
			group = ""
		}
		for _, resource := range list.APIResources {
			name, sub, _ := strings.Cut(resource.Name, "/")
			places := []string{""}
			if resource.Namespaced {
				places = []string{platformNamespace, "any-other"}
			}
			for _, place := range places {
				for _, object := range append([]string{"", "of-nobody"}, known[group+"/"+name]...) {
					for _, verb := range allVerbs {
						questions = append(questions, authorizationv1.ResourceAttributes{Namespace: place, Verb: verb, Group: group, Resource: name, Subresource: sub, Name: object})
					}
				}
			}
		}
	}
	// A resource that is served in two versions is asked about once.
	slices.SortFunc(questions, func(a, b authorizationv1.ResourceAttributes) int {
		return strings.Compare(fmt.Sprint(a), fmt.Sprint(b))
	})
	return slices.Compact(questions)
}

// namesInRoles are the names that the operator's roles know, by group/resource.
func namesInRoles(t *testing.T) map[string][]string {
	t.Helper()
	cluster, own := &rbacv1.ClusterRole{}, &rbacv1.Role{}
	if err := admin.Get(context.Background(), client.ObjectKey{Name: "gatewaytenant-operator"}, cluster); err != nil {
		t.Fatal(err)
	}
	get(t, own, platformNamespace, "gatewaytenant-operator")
	names := map[string][]string{}
	for _, rule := range append(cluster.Rules, own.Rules...) {
		for _, resource := range rule.Resources {
			key := rule.APIGroups[0] + "/" + resource
			names[key] = append(names[key], rule.ResourceNames...)
			slices.Sort(names[key])
			names[key] = slices.Compact(names[key])
		}
	}
	return names
}
