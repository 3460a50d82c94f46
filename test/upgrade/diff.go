package main

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// change is a field that differs between two snapshots. A side on which the field is absent is nil.
type change struct {
	Path          string
	Before, After any `json:",omitempty"`
}

// String returns the path, with + for a field that was added and - for one that was removed.
func (c change) String() string {
	switch {
	case strings.HasPrefix(c.Path, "("): // the whole object
		return c.Path
	case c.Before == nil:
		return "+" + c.Path
	case c.After == nil:
		return "-" + c.Path
	}
	return c.Path
}

// inStatus reports whether the change is in the object's status.
func (c change) inStatus() bool { return c.Path == "status" || strings.HasPrefix(c.Path, "status.") }

// diff returns the fields that differ between two objects. A table or list that only one of them has is one change.
func diff(before, after map[string]any) []change { return diffMaps("", before, after) }

func diffMaps(path string, before, after map[string]any) []change {
	keys := maps.Clone(before)
	if keys == nil {
		keys = map[string]any{}
	}
	maps.Copy(keys, after)
	var changes []change
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		changes = append(changes, diffValues(join(path, key), before[key], after[key])...)
	}
	return changes
}

func diffValues(path string, before, after any) []change {
	if reflect.DeepEqual(before, after) {
		return nil
	}
	tableBefore, both := before.(map[string]any)
	if tableAfter, is := after.(map[string]any); is && both {
		return diffMaps(path, tableBefore, tableAfter)
	}
	listBefore, both := before.([]any)
	if listAfter, is := after.([]any); is && both {
		return diffLists(path, listBefore, listAfter)
	}
	return []change{{Path: path, Before: before, After: after}}
}

// diffLists matches elements by a key with unique values, or else by index. Lists of different lengths without such a key are
// one change.
func diffLists(path string, before, after []any) []change {
	for _, key := range []string{"name", "type", "mountPath"} {
		elementsBefore, apart := byKey(before, key)
		elementsAfter, apartToo := byKey(after, key)
		if apart && apartToo {
			changes := diffMaps("", elementsBefore, elementsAfter)
			for i := range changes {
				changes[i].Path = path + changes[i].Path
			}
			return append(changes, reordered(path, key, before, after)...)
		}
	}
	if len(before) != len(after) {
		return []change{{Path: path, Before: before, After: after}}
	}
	var changes []change
	for i := range before {
		changes = append(changes, diffValues(fmt.Sprintf("%s[%d]", path, i), before[i], after[i])...)
	}
	return changes
}

// byKey maps the value of a key, as [value], to the element with that value. It reports whether all elements have a value and
// all values differ.
func byKey(list []any, key string) (map[string]any, bool) {
	elements := map[string]any{}
	for _, element := range list {
		table, _ := element.(map[string]any)
		value, is := table[key].(string)
		if !is {
			return nil, false
		}
		elements["["+value+"]"] = element
	}
	return elements, len(elements) == len(list)
}

// reordered returns a change if the elements that are in both lists have another order.
func reordered(path, key string, before, after []any) []change {
	order := func(list, other []any) (names []any) {
		in, _ := byKey(other, key)
		for _, element := range list {
			name := element.(map[string]any)[key]
			if _, both := in[fmt.Sprintf("[%s]", name)]; both {
				names = append(names, name)
			}
		}
		return names
	}
	was, is := order(before, after), order(after, before)
	if reflect.DeepEqual(was, is) {
		return nil
	}
	return []change{{Path: path + " (order)", Before: was, After: is}}
}

// join appends a key to a path. A key with a dot, a slash or a space is put in brackets.
func join(path, key string) string {
	switch {
	case strings.HasPrefix(key, "["):
		return path + key
	case strings.ContainsAny(key, "./ "):
		return path + "[" + key + "]"
	case path == "":
		return key
	}
	return path + "." + key
}
