package gatewaytoml

import (
	"maps"
	"reflect"
	"slices"

	"github.com/pelletier/go-toml/v2"
)

// ChangedKeys returns the keys that differ between two texts of gateway.toml, by their paths, sorted. A text that is not TOML
// counts as empty.
func ChangedKeys(before, after string) []string {
	was, is := table{}, table{}
	if toml.Unmarshal([]byte(before), &was) != nil {
		was = table{}
	}
	if toml.Unmarshal([]byte(after), &is) != nil {
		is = table{}
	}
	return changedKeys(was, is, "")
}

func changedKeys(was, is table, prefix string) []string {
	var changed []string
	all := table{}
	maps.Copy(all, was)
	maps.Copy(all, is)
	for _, key := range slices.Sorted(maps.Keys(all)) {
		wasTable, ok1 := was[key].(table)
		isTable, ok2 := is[key].(table)
		switch {
		case ok1 && ok2, ok1 && is[key] == nil, ok2 && was[key] == nil:
			changed = append(changed, changedKeys(wasTable, isTable, prefix+key+".")...)
		case !reflect.DeepEqual(was[key], is[key]):
			changed = append(changed, prefix+key)
		}
	}
	return changed
}
