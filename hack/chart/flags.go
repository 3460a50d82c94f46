package main

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// knownFlag is a flag of the operator.
type knownFlag struct {
	name, kind, usage string
}

var flagLine = regexp.MustCompile(`^  -([a-z-]+)(?: (\w+))?$`)

// parseFlags reads what package flag prints for --help: a line with the name and the type, and one with the usage.
func parseFlags(help string) ([]knownFlag, error) {
	var flags []knownFlag
	for line := range strings.Lines(help) {
		line = strings.TrimRight(line, "\n")
		if found := flagLine.FindStringSubmatch(line); found != nil {
			flags = append(flags, knownFlag{name: found[1], kind: found[2]})
		} else if usage, is := strings.CutPrefix(line, "    \t"); is && len(flags) > 0 {
			flags[len(flags)-1].usage = usage
		}
	}
	if len(flags) == 0 {
		return nil, fmt.Errorf("there are no flags in it")
	}
	return flags, nil
}

// decided tells the flags that are nobody's to set in a cluster: what the Deployment says in their variable, and how to
// get to the API server from elsewhere.
func decided(container map[string]any) func(knownFlag) bool {
	variables, _, _ := unstructured.NestedSlice(container, "env")
	return func(f knownFlag) bool {
		return f.name == "kubeconfig" || slices.ContainsFunc(variables, func(variable any) bool {
			return strings.Contains(f.usage, fmt.Sprint("$", variable.(map[string]any)["name"]))
		})
	}
}

// flagsOf are the flags that args set.
func flagsOf(args []string, known []knownFlag) (map[string]any, error) {
	flags := map[string]any{}
	for _, arg := range args {
		name, value, hasValue := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
		i := slices.IndexFunc(known, func(f knownFlag) bool { return f.name == name })
		switch {
		case i < 0:
			return nil, fmt.Errorf("the Deployment's argument %q is no flag that the operator has", arg)
		case !hasValue:
			flags[name] = true
		case known[i].kind == "int":
			number, err := strconv.Atoi(value)
			if err != nil {
				return nil, fmt.Errorf("the Deployment's argument %q: %w", arg, err)
			}
			flags[name] = number
		default:
			flags[name] = value
		}
	}
	return flags, nil
}

// schema is the JSON schema of a flag's value.
func (f knownFlag) schema() map[string]any {
	types := map[string]string{"": "boolean", "int": "integer"} // all others are text
	kind, is := types[f.kind]
	if !is {
		kind = "string"
	}
	return map[string]any{"type": []string{kind, "null"}, "description": f.usage} // Helm drops null only where it overrides something
}
