package gatewaytoml

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
)

// keyRow is the line about a key.
type keyRow struct{ key, value, releases, remark string }

// remarks are the remarks about keys whose values differ between releases of one schema version.
var remarks = map[string]string{
	"openshell.drivers.kubernetes.supervisor_image": "*default*: up to v0.0.81 and from v0.1.0 on, `ghcr.io/nvidia/openshell/supervisor` in the gateway's version; " +
		"if the platform does not allow that repository, in every version the supervisor [from the repository next to the gateway's](install.md#settings)",
	"openshell.drivers.kubernetes.sandbox_runtime_image": "*default*: `ghcr.io/nvidia/openshell/sandbox` in the gateway's version; " +
		"if the platform does not allow that repository, the image [from the repository next to the gateway's](install.md#settings)",
	"openshell.gateway.auth.allow_unauthenticated_users": "*default* without `oidc`: `true`, before v0.1.3",
	socketOfVault: "required with `transport = \"uds\"`, and then the path of a socket below `/var/openshell`; from v0.1.0 on, only with it",
}

// socketOfVault is a key of the driver vault in both schema versions. In version 2, it is a key of drivers outside the gateway only.
const socketOfVault = "openshell.credential_drivers.vault.socket_path"

// rowsOf returns the line about each key of a schema version, in its order. Oldest and newest are releases that read it.
func rowsOf(version int, oldest, newest string) []keyRow {
	first, last := input(oldest, ""), input(newest, "")
	own := merge(managedKeys(last), inheritedKeys(last))
	return describe(schemaOf(version), nil, "", own, merge(defaults(first), defaults(last)))
}

func describe(schema reflect.Type, path []string, releases string, own, defaults any) []keyRow {
	var rows []keyRow
	for field := range schema.Fields() {
		at := append(append([]string{}, path...), field.Tag.Get("toml"))
		releases := releases
		if since := field.Tag.Get("since"); since != "" {
			releases = "from v" + since
		}
		if until := field.Tag.Get("until"); until != "" {
			releases = strings.TrimPrefix(releases+" to v"+until, " ")
		}
		ours, def := below(own, field.Tag.Get("toml")), below(defaults, field.Tag.Get("toml"))
		inner := field.Type
		if inner.Kind() == reflect.Slice && inner.Elem().Kind() == reflect.Struct {
			inner, at[len(at)-1] = inner.Elem(), at[len(at)-1]+"[]"
		}
		if inner.Kind() == reflect.Struct {
			rows = append(rows, describe(inner, at, releases, ours, def)...)
			continue
		}
		rows = append(rows, keyRow{strings.Join(at, "."), typeText(field), releases, remark(field, ours, def)})
	}
	return rows
}

// mergeRows merges the lines of both schema versions. A key that both have has one line.
func mergeRows(v1, v2 []keyRow) []keyRow {
	merged := make([]keyRow, len(v1))
	for i, row := range v1 {
		if merged[i] = row; row.key != socketOfVault && !slices.ContainsFunc(v2, row.sameKey) && !strings.Contains(row.releases, " to ") {
			merged[i].releases = strings.TrimPrefix(row.releases+", before v0.1.0", ", ")
		}
	}
	at := 0 // after the line of the key before
	for _, row := range v2 {
		i := slices.IndexFunc(merged, row.sameKey)
		if i < 0 {
			if !strings.HasPrefix(row.releases, "from v0.1.") {
				row.releases = strings.TrimSuffix("from v0.1.0 "+row.releases, " ")
			}
			merged = slices.Insert(merged, at, row)
			i = at
		} else {
			merged[i] = merged[i].and(row)
		}
		at = i + 1
	}
	for i, row := range merged {
		merged[i].remark = cmp.Or(remarks[row.key], row.remark)
	}
	return merged
}

func (r keyRow) sameKey(other keyRow) bool { return r.key == other.key }

// and returns the line about a key with what differs from schema version 2 on.
func (r keyRow) and(v2 keyRow) keyRow {
	join := func(before, after string) string {
		switch {
		case before == after:
			return before
		case after == "":
			return before + " before v0.1.0"
		case before == "":
			return "from v0.1.0 on " + after
		}
		for _, kind := range []string{"string: ", "whole number "} {
			if strings.HasPrefix(before, kind) {
				after = strings.TrimPrefix(after, kind)
			}
		}
		if strings.HasSuffix(before, " on "+after) { // it is so since an earlier release
			return before
		}
		return before + "; from v0.1.0 on " + after
	}
	switch {
	case strings.HasPrefix(v2.releases, "to v0.1."):
		r.releases = strings.TrimPrefix(r.releases+" "+v2.releases, " ")
	case strings.HasPrefix(v2.releases, "from v0.1."):
		r.releases = strings.TrimPrefix(r.releases+", before v0.1.0 and "+v2.releases, ", ")
	}
	r.value, r.remark = join(r.value, v2.value), join(r.remark, v2.remark)
	return r
}

func below(value any, key string) any {
	inner, _ := value.(table)
	return inner[key]
}
