package platformconfig

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/controllers/message"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// StatusSuffix is what the name of the report adds to that of the first ConfigMap, which has no status of its own.
const StatusSuffix = "-status"

// Keys of the report.
const (
	keySummary = "summary" // how many entries are in which state, and what is wrong with whole ConfigMaps
	keyEntries = "entries" // a row an entry, in their order: a YAML list, one item a line
	keyHold    = "hold"    // the removal that is on hold, as JSON; absent: none is
)

// mostBytes is how long the report's entries may be: etcd and the API server take objects up to about 1 MiB, and a hold
// of thousands of tenants needs room, too.
const mostBytes = 500 << 10

// reportOf is the content of the report. It depends on the plan alone, so that it is written only when that changes.
func reportOf(plan Plan) map[string]string {
	data := map[string]string{keySummary: message.Truncate(summary(plan), 64<<10), keyEntries: entriesText(plan.Rows)}
	if plan.Hold.Plan != "" {
		data[keyHold] = holdText(plan.Hold)
	}
	return data
}

func holdText(hold Hold) string {
	text, err := json.Marshal(hold)
	if err != nil {
		panic(err) // strings: cannot fail
	}
	return string(text)
}

// summary is for people who look first.
func summary(plan Plan) string {
	var text strings.Builder
	counts := count(plan.Rows)
	for _, state := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(&text, "%s: %d\n", state, counts[state])
	}
	if hold := plan.Hold; hold.Plan != "" {
		fmt.Fprintf(&text, "held: the removal of %d of %d gateways waits for a confirmation. If it is meant, annotate a ConfigMap with entries: %s=%s\n",
			len(hold.Tenants), hold.Total, AnnotationConfirm, hold.Plan)
	}
	if len(plan.Rows)+len(plan.Problems) == 0 {
		text.WriteString("no entries\n")
	}
	for _, problem := range plan.Problems {
		fmt.Fprintf(&text, "problem: %s\n", message.Truncate(problem, 2000))
	}
	return text.String()
}

func count(rows []Row) map[State]int {
	counts := map[State]int{}
	for _, row := range rows {
		counts[row.State]++
	}
	return counts
}

// entriesText is the rows. Their messages are cut to what a ConfigMap has room for; of more rows than even that helps,
// those without a message are left out first, since nothing is wrong with them.
func entriesText(rows []Row) string {
	for _, most := range []int{600, 300, 150, 60} {
		if text := rowsText(rows, most); len(text) <= mostBytes {
			return text
		}
	}
	troubled := slices.DeleteFunc(slices.Clone(rows), func(row Row) bool { return row.Message == "" })
	text := rowsText(troubled, 60)
	if len(text) > mostBytes {
		text = text[:strings.LastIndexByte(text[:mostBytes], '\n')+1]
	}
	return text + fmt.Sprintf("# cut: %d entries are more than a ConfigMap has room for\n", len(rows))
}

func rowsText(rows []Row, most int) string {
	var text strings.Builder
	for _, row := range rows {
		row.Message = message.Truncate(row.Message, most)
		line, err := json.Marshal(row)
		if err != nil {
			panic(err) // strings: cannot fail
		}
		text.WriteString("- ")
		text.Write(line)
		text.WriteByte('\n')
	}
	return text.String()
}

// HoldIn is the removal that a report (nil: there is none) has on record as held; the zero value: none is.
func HoldIn(report *corev1.ConfigMap) Hold {
	var hold Hold
	if report == nil || json.Unmarshal([]byte(report.Data[keyHold]), &hold) != nil {
		return Hold{}
	}
	return hold
}

// reportObject is the report as a ConfigMap.
func reportObject(name client.ObjectKey, data map[string]string) *unstructured.Unstructured {
	object := &unstructured.Unstructured{Object: map[string]any{"data": map[string]any{}}}
	object.SetAPIVersion("v1")
	object.SetKind("ConfigMap")
	object.SetNamespace(name.Namespace)
	object.SetName(name.Name)
	object.SetLabels(map[string]string{manifests.LabelManagedBy: manifests.Manager})
	for key, value := range data {
		object.Object["data"].(map[string]any)[key] = value
	}
	return object
}
