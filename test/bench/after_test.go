package main

import (
	"testing"

	"github.com/ambient-code/gatewaytenant-operator/test/audit"
)

func TestCountTellsALateWatchFromOneThatIsBegunAgain(t *testing.T) {
	calls := []audit.Request{
		{Action: audit.Action{Verb: "watch", Resource: "secrets", Name: "a"}},
		{Action: audit.Action{Verb: "get", Resource: "leases"}},
		{Action: audit.Action{Verb: "update", Resource: "leases"}},
		{Action: audit.Action{Verb: "watch", Resource: "secrets", Name: "a"}}, // again
		{Action: audit.Action{Verb: "watch", Resource: "secrets", Name: "b"}}, // late
		{Action: audit.Action{Verb: "patch", Resource: "services", Namespace: "n", Name: "s"}},
	}
	counts, late := count(calls)
	if late != 1 || counts[watches] != 3 || counts[objects] != 1 || counts[lease] != 2 {
		t.Errorf("%d of the watches are late; all: %v", late, counts)
	}
}
