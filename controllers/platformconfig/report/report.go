// Package report renders a plan as the ConfigMap that reports the state of the entries, and reads what it records for later
// plans. It is pure.
package report

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ambient-code/gatewaytenant-operator/controllers/message"
	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/entries"
	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/plan"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// Keys of the report.
const (
	keySummary = "summary" // the number of entries in each state, and the problems of whole ConfigMaps
	keyEntries = "entries" // one row for each entry, in their order: a YAML list with one item in each line
	keyHold    = "hold"    // the hold as JSON; it is absent if there is none
	keyApplied = "applied" // the namespaces in which the bridge has applied an entry
)

const (
	// maxEntriesBytes is the maximum size of the report's entries: etcd and the API server accept objects of about 1 MiB,
	// and a hold of thousands of tenants needs space, too.
	maxEntriesBytes = 500 << 10
	maxSummaryBytes = 64 << 10
	maxProblemBytes = 2000
	maxEventBytes   = 900 // an Event's note may have 1,024
)

// Data returns the content of the report. It depends only on the plan, so that it is written only if the plan changes.
func Data(p plan.Plan) map[string]string {
	data := map[string]string{keySummary: message.Truncate(summary(p), maxSummaryBytes), keyEntries: entriesText(p.Rows), keyApplied: p.Applied.Text()}
	if p.Hold.Token != "" {
		data[keyHold] = holdText(p.Hold)
	}
	return data
}

// WithHold returns the content of an existing report with another hold, and with the newest set of namespaces. The report is nil if none
// exists. It may be older than the set, which is nil if none is recorded.
func WithHold(report *corev1.ConfigMap, hold plan.Hold, applied plan.AppliedSet) map[string]string {
	data := map[string]string{}
	if report != nil {
		maps.Copy(data, report.Data)
	}
	data[keyHold] = holdText(hold)
	if applied != nil {
		data[keyApplied] = applied.Text()
	}
	return data
}

// HoldIn returns the hold that a report records. It is empty if there is none, or if the report is nil.
func HoldIn(report *corev1.ConfigMap) plan.Hold {
	var hold plan.Hold
	if report == nil || json.Unmarshal([]byte(report.Data[keyHold]), &hold) != nil {
		return plan.Hold{}
	}
	return hold
}

// AppliedIn returns the namespaces in which the bridge has applied an entry, as a report records them. It is nil if the report is
// nil, or records none.
func AppliedIn(report *corev1.ConfigMap) plan.AppliedSet {
	if report == nil {
		return nil
	}
	text, has := report.Data[keyApplied]
	applied, err := plan.ParseApplied(text)
	if !has || err != nil {
		return nil
	}
	return applied
}

func holdText(hold plan.Hold) string {
	text, err := json.Marshal(hold)
	if err != nil {
		panic(err) // it contains strings and numbers only
	}
	return string(text)
}

// Event is an Event about a changed summary.
type Event struct {
	Type, Reason, Note string
	Summary            []string // the lines of the summary
}

// Changed returns an Event if the summary differs from that of the existing report, which is nil if none exists. It returns
// nil if the summary is the same.
func Changed(p plan.Plan, report *corev1.ConfigMap) *Event {
	text := summary(p)
	if report != nil && report.Data[keySummary] == text {
		return nil
	}
	event := &Event{corev1.EventTypeNormal, "Applied", message.Truncate(text, maxEventBytes), strings.Split(strings.TrimSpace(text), "\n")}
	counts := plan.Count(p.Rows)
	switch {
	case p.Hold.Token != "":
		event.Type, event.Reason = corev1.EventTypeWarning, "RemovalHeld"
	case len(p.Problems) > 0:
		event.Type, event.Reason = corev1.EventTypeWarning, "Unreadable"
	case counts[plan.Refused]+counts[plan.Failed]+counts[plan.Conflict]+counts[plan.Kept]+counts[plan.Contended] > 0:
		event.Type, event.Reason = corev1.EventTypeWarning, "NotAllApplied"
	}
	return event
}

// summary returns the summary, which is for users.
func summary(p plan.Plan) string {
	var text strings.Builder
	counts := plan.Count(p.Rows)
	for _, state := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(&text, "%s: %d\n", state, counts[state])
	}
	if hold := p.Hold; hold.Token != "" {
		fmt.Fprintf(&text, "held: the removal of %d of %d gateways waits for a confirmation. If it is meant, annotate a ConfigMap with entries: %s=%s\n",
			len(hold.Tenants), hold.Total, entries.AnnotationConfirm, hold.Token)
	}
	if len(p.Rows)+len(p.Problems) == 0 {
		text.WriteString("no entries\n")
	}
	for _, problem := range p.Problems {
		fmt.Fprintf(&text, "problem: %s\n", message.Truncate(problem, maxProblemBytes))
	}
	return text.String()
}

// entriesText returns the rows as text. It truncates messages as far as necessary. If that is not enough, it omits rows:
// first those without a message, which report no error.
func entriesText(rows []plan.Row) string {
	for _, limit := range []int{600, 300, 150, 60} {
		if text := rowsText(rows, limit); len(text) <= maxEntriesBytes {
			return text
		}
	}
	withMessage := slices.DeleteFunc(slices.Clone(rows), func(row plan.Row) bool { return row.Message == "" })
	text := rowsText(withMessage, 60)
	if len(text) > maxEntriesBytes {
		text = text[:strings.LastIndexByte(text[:maxEntriesBytes], '\n')+1]
	}
	return text + fmt.Sprintf("# cut: %d entries are more than a ConfigMap has room for\n", len(rows))
}

func rowsText(rows []plan.Row, limit int) string {
	var text strings.Builder
	for _, row := range rows {
		row.Message = message.Truncate(row.Message, limit)
		line, err := json.Marshal(row)
		if err != nil {
			panic(err) // it contains strings only
		}
		text.WriteString("- ")
		text.Write(line)
		text.WriteByte('\n')
	}
	return text.String()
}

// Object returns the report as a ConfigMap to apply.
func Object(name types.NamespacedName, data map[string]string) *unstructured.Unstructured {
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
