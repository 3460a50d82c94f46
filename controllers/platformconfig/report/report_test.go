package report

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/plan"
)

func TestPlatformWithoutAListIsNoProblem(t *testing.T) {
	name := types.NamespacedName{Namespace: "platform", Name: "platform-config"}
	var unused plan.Plan
	unused.WithoutFirst(name)
	if text := summary(unused); text != "no entries\n" || len(unused.Problems) > 0 {
		t.Errorf("the list is not used: %q", text)
	}
	lost := plan.Plan{Rows: []plan.Row{{Namespace: "a", State: plan.Kept}}}
	lost.WithoutFirst(name)
	if text := summary(lost); !strings.Contains(text, "problem: the ConfigMap platform/platform-config is not there") {
		t.Errorf("the list of a tenant is gone: %q", text)
	}
}

// TestHoldIsReadBack, also from a report of an earlier version: an upgrade of the operator must not lose a hold.
func TestHoldIsReadBack(t *testing.T) {
	hold := plan.Hold{Token: "0123", Tenants: []string{"a/uid"}, Total: 2}
	config := &corev1.ConfigMap{Data: Data(plan.Plan{Hold: hold})}
	if is := HoldIn(config); is.Token != hold.Token || is.Total != 2 || len(is.Tenants) != 1 {
		t.Errorf("read back as %+v", is)
	}
	config.Data = map[string]string{keySummary: "kept", keyHold: `{"plan":"0123","tenants":["a/uid"],"total":2}`} // by earlier versions
	if is := HoldIn(config); is.Token != hold.Token {
		t.Errorf("that of an earlier version is read as %+v", is)
	}
	if data := WithHold(config, plan.Hold{Token: "4567"}, nil); data[keySummary] != "kept" || HoldIn(&corev1.ConfigMap{Data: data}).Token != "4567" {
		t.Errorf("with another hold: %v", data)
	}
	if none := HoldIn(nil); none.Token != "" {
		t.Errorf("without a report: %+v", none)
	}
}

// TestRecordOfAppliedEntriesIsReadBack, and a report without one is not taken for one that records nothing.
func TestRecordOfAppliedEntriesIsReadBack(t *testing.T) {
	applied := plan.Compare(nil, plan.Snapshot{}, plan.DefaultGuard).Applied
	config := &corev1.ConfigMap{Data: Data(plan.Plan{Applied: applied})}
	if is := AppliedIn(config); is == nil || len(is) > 0 {
		t.Errorf("an empty record is read back as %v", is)
	}
	if data := WithHold(config, plan.Hold{Token: "1"}, AppliedIn(config)); data[keyApplied] != config.Data[keyApplied] {
		t.Error("a hold replaces the record")
	}
	for what, config := range map[string]*corev1.ConfigMap{
		"no report": nil, "one of an earlier release": {Data: map[string]string{keySummary: "x"}}, "a damaged one": {Data: map[string]string{keyApplied: "?"}},
	} {
		if is := AppliedIn(config); is != nil {
			t.Errorf("%s: %v", what, is)
		}
	}
}

func TestReportOfManyErrorsFitsIntoAConfigMap(t *testing.T) {
	for _, n := range []int{1000, 20000} {
		var p plan.Plan
		for i := range n {
			p.Rows = append(p.Rows, plan.Row{Namespace: fmt.Sprintf("%063d", i), State: plan.Refused, Source: "platform/platform-config", Message: strings.Repeat("ä\"\\<", 1000)})
		}
		size := 0
		for _, text := range Data(p) {
			size += len(text)
		}
		if size > 1<<20-50<<10 {
			t.Errorf("%d entries with errors make %d bytes", n, size)
		}
	}
}
