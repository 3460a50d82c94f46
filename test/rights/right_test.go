package rights

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// right is one verb on one resource, by one name or, if that is empty, by any.
type right struct {
	role                        string // the kind of role that gives it: ClusterRole or Role
	verb, group, resource, name string
}

func (r right) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s: %s %s %s", r.role, r.verb, strings.TrimPrefix(r.group+"/"+r.resource, "/"), r.name))
}

func (r right) rule() rbacv1.PolicyRule {
	rule := rbacv1.PolicyRule{Verbs: []string{r.verb}, APIGroups: []string{r.group}, Resources: []string{r.resource}}
	if r.name != "" {
		rule.ResourceNames = []string{r.name}
	}
	return rule
}

// rules are those of a kind of role, one a right, less what is taken away.
func rules(all []right, role string, without right) []rbacv1.PolicyRule {
	var rules []rbacv1.PolicyRule
	for _, r := range all {
		if r.role == role && r != without {
			rules = append(rules, r.rule())
		}
	}
	return rules
}

// rightsIn are the rights that the roles in a file give, if their names are among those given.
func rightsIn(t *testing.T, file string, names ...string) []right {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var rights []right
	for _, document := range regexp.MustCompile(`(?m)^---$`).Split(string(text), -1) {
		var role rbacv1.ClusterRole // a Role has the same fields
		if err := yaml.UnmarshalStrict([]byte(document), &role); err != nil {
			t.Fatal(file, err)
		}
		if !slices.Contains(names, role.Name) {
			continue
		}
		for _, rule := range role.Rules {
			rights = append(rights, expand(role.Kind, rule)...)
		}
	}
	if len(rights) == 0 {
		t.Fatal("no rights in", file)
	}
	return rights
}

// expand parts a rule into its rights.
func expand(role string, rule rbacv1.PolicyRule) []right {
	names := rule.ResourceNames
	if len(names) == 0 {
		names = []string{""}
	}
	var rights []right
	for _, verb := range rule.Verbs {
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				for _, name := range names {
					rights = append(rights, right{role, verb, group, resource, name})
				}
			}
		}
	}
	return rights
}
