package main

import (
	"fmt"
	"maps"
	"os"
	"slices"

	"sigs.k8s.io/yaml"
)

// limits are the ranges that figures must be in, by key.
type limits map[string]bounds

// bounds are the least and the most that a figure may be; nil: anything.
type bounds struct {
	Min *float64 `json:"min,omitempty"`
	Max *float64 `json:"max,omitempty"`
}

// String is the bounds as people read them.
func (b bounds) String() string {
	switch {
	case b.Min != nil && b.Max != nil && *b.Min == *b.Max:
		return number(*b.Max)
	case b.Min != nil && b.Max != nil:
		return number(*b.Min) + " to " + number(*b.Max)
	case b.Max != nil:
		return "≤ " + number(*b.Max)
	case b.Min != nil:
		return "≥ " + number(*b.Min)
	}
	return ""
}

func readLimits(path string) (limits, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var l limits
	if err := yaml.UnmarshalStrict(text, &l); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return l, nil
}

// check says which figures are out of their limits, and which limits have no figure.
func (l limits) check(figures map[string]float64) []string {
	var wrong []string
	for _, key := range slices.Sorted(maps.Keys(l)) {
		value, measured := figures[key]
		switch b := l[key]; {
		case !measured:
			wrong = append(wrong, key+": there is a limit and no such figure")
		case b.Max != nil && value > *b.Max:
			wrong = append(wrong, fmt.Sprintf("%s is %s, more than %s", key, full(value), full(*b.Max)))
		case b.Min != nil && value < *b.Min:
			wrong = append(wrong, fmt.Sprintf("%s is %s, less than %s", key, full(value), full(*b.Min)))
		}
	}
	return wrong
}

func full(value float64) string { return fmt.Sprintf("%g", value) }
