package gatewaytoml

import "maps"

// table is a TOML table as go-toml decodes it: values are strings, bools, int64s, []any and tables.
type table = map[string]any

// tableAt returns the table at a path, nil if there is none.
func tableAt(root table, path ...string) table {
	for _, key := range path {
		root, _ = root[key].(table)
	}
	return root
}

// tablesOf returns the tables of an array, nil for an item that is not one.
func tablesOf(value any) []table {
	items, _ := value.([]any)
	tables := make([]table, len(items))
	for i, item := range items {
		tables[i], _ = item.(table)
	}
	return tables
}

// textAt returns the text at a key, unset if the table does not set the key, and an empty text if the value is not a string.
func textAt(in table, key, unset string) string {
	value, set := in[key]
	if !set {
		return unset
	}
	text, _ := value.(string)
	return text
}

// merge returns base with the values of over: tables are merged, and other values replaced. It modifies neither.
func merge(base, over table) table {
	merged := maps.Clone(base)
	for key, value := range over {
		baseTable, ok1 := merged[key].(table)
		overTable, ok2 := value.(table)
		if ok1 && ok2 {
			value = merge(baseTable, overTable)
		}
		merged[key] = value
	}
	return merged
}
