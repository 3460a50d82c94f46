package entries

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// shape is the type of an entry.
type shape struct {
	Name    string                     `json:"name"`
	Gateway v1alpha1.GatewayTenantSpec `json:"gateway"`
}

// Check returns what is wrong with one entry of a list, as far as that is possible without the cluster, in the order of its lines. Of very
// many faults of a field, some are only counted in the message of another one.
func Check(item *yaml.Node, platform manifests.Platform) []Fault {
	if _, err := newSizer().size(item, maxEntrySize); err != nil {
		return []Fault{faultOf(item, err)}
	}
	value, faults := toValue(item)
	_, faults = check(item, value, faults, platform)
	return withCounts(faults)
}

// faultOf returns an error as a fault. One without a position is about the whole entry.
func faultOf(item *yaml.Node, err error) Fault {
	if fault, is := err.(Fault); is { //nolint:errorlint // it is never wrapped
		return fault
	}
	return Fault{Line: item.Line, Message: err.Error()}
}

func inOrder(faults []Fault) []Fault {
	slices.SortStableFunc(faults, func(a, b Fault) int { return cmp.Compare(a.Line, b.Line) })
	return faults
}

// check checks an entry that was decoded with faults. If there are faults, the entry has only its namespace or, if all faults are of independent fields, all
// other fields.
func check(item *yaml.Node, value any, faults []Fault, platform manifests.Platform) (Entry, []Fault) {
	fields, is := value.(map[string]any)
	if !is {
		return Entry{}, append(faults, Fault{Line: item.Line, Message: "is " + kindOf(value) + " and must be a mapping; write - {name: …, gateway: {serverDnsNames: […]}}"})
	}
	readable := len(faults) == 0
	c := typeChecker{root: item, rejectNull: true, faults: faults}
	entry := Entry{}
	if name, is := fields["name"].(string); is {
		if len(validation.IsDNS1123Label(name)) == 0 {
			entry.Namespace = name
		} else { // it is not known which namespace is meant, so this entry may belong to any tenant
			c.fault([]string{"name"}, "%q is not the name of a namespace; write 1 to 63 lower-case letters, digits and hyphens that begin and end with a letter or digit", name)
		}
	} else if _, there := fields["name"]; !there {
		c.fault([]string{"name"}, "is missing; name the namespace%s", keysGiven(fields))
	}
	gateway, is := fields["gateway"].(map[string]any)
	if fields["gateway"] == nil {
		c.fault([]string{"gateway"}, "is missing; give the spec of a GatewayTenant, such as {serverDnsNames: []}%s", keysGiven(fields))
		fields = maps.Clone(fields)
		delete(fields, "gateway")
	}
	c.check(fields, reflect.TypeFor[shape](), nil)
	if is {
		c.gateway(entry.Namespace, gateway, platform)
	}
	faults = inOrder(c.faults)
	if len(faults) == 0 {
		entry.Spec = gateway
		return entry, nil
	}
	if rest, is := entry.without(gateway, faults); is {
		return rest, faults
	}
	if !readable { // the name may be one of several
		entry.Namespace = nameOf(item)
	}
	return Entry{Namespace: entry.Namespace}, faults
}

// keysGiven names the keys of an entry that lacks one.
func keysGiven(fields map[string]any) string {
	const most = 5
	keys := slices.Sorted(maps.Keys(fields))
	if len(keys) == 0 || len(keys) > most {
		return ""
	}
	for i := range keys {
		keys[i] = fmt.Sprintf("%.64q", keys[i])
	}
	return "; the keys of this entry are " + strings.Join(keys, ", ")
}

// without returns the entry without the fields that have faults. It reports false if other fields depend on one of these.
func (e Entry) without(gateway map[string]any, faults []Fault) (Entry, bool) {
	var kept []string
	for _, fault := range faults {
		field := IndependentField(fault.Field, "gateway.")
		if field == "" || e.Namespace == "" {
			return e, false
		}
		if !slices.Contains(kept, field) {
			kept = append(kept, field)
		}
	}
	e.Kept, e.Spec = kept, maps.Clone(gateway)
	for _, field := range kept {
		delete(e.Spec, field)
	}
	return e, true
}

// gateway checks the spec of an entry whose types have been checked.
func (c *typeChecker) gateway(namespace string, given map[string]any, platform manifests.Platform) {
	if _, there := given["serverDnsNames"]; !there {
		c.fault([]string{"gateway", "serverDnsNames"}, "is missing; give the names under which clients reach the gateway, or []")
	}
	spec := WithoutFaults(given, c.faults)
	tenant := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.Name, Namespace: namespace}}
	text, err := json.Marshal(spec)
	if err == nil {
		err = json.Unmarshal(text, &tenant.Spec)
	}
	if err != nil {
		panic(err) // all types have been checked
	}
	for _, rejected := range manifests.Check(tenant, platform) {
		field, is := strings.CutPrefix(rejected.Field, "spec.")
		if !is {
			c.faults = append(c.faults, Fault{Line: c.root.Line, Message: rejected.Message})
			continue
		}
		field = "gateway." + field
		if path := Steps(field); !c.counter.counted(c.faults, path) {
			c.faults = append(c.faults, Fault{Field: field, Line: LineOf(c.root, path), Message: strings.Replace(rejected.Message, rejected.Field, field, 1)})
		}
	}
}

// WithoutFaults returns a spec without the fields that have faults, whose paths have the spec's name as their first step. It is for
// checks of the other fields.
func WithoutFaults(spec map[string]any, faults []Fault) map[string]any {
	rest := maps.Clone(spec)
	for _, fault := range faults {
		steps := Steps(fault.Field)
		if len(steps) < 2 {
			continue
		}
		delete(rest, steps[1])
		if steps[1] == "image" || steps[1] == "version" { // which of these are valid depends on the others
			delete(rest, "image")
			delete(rest, "version")
			delete(rest, "config")
		}
	}
	return rest
}

// SpecWithout returns the spec of an entry without the fields that have faults. It returns nil if the entry has no spec, or is too large.
func SpecWithout(item *yaml.Node, faults []Fault) map[string]any {
	if _, err := newSizer().size(item, maxEntrySize); err != nil {
		return nil
	}
	value, _ := toValue(item)
	fields, _ := value.(map[string]any)
	spec, _ := fields["gateway"].(map[string]any)
	return WithoutFaults(spec, faults)
}
