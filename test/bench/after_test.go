package main

import "testing"

func TestCountTellsALateWatchFromOneThatIsBegunAgain(t *testing.T) {
	calls := []call{
		{verb: "watch", resource: "secrets", name: "a"},
		{verb: "get", resource: "leases"},
		{verb: "update", resource: "leases"},
		{verb: "watch", resource: "secrets", name: "a"}, // again
		{verb: "watch", resource: "secrets", name: "b"}, // late
		{verb: "patch", resource: "services", namespace: "n", name: "s"},
	}
	counts, late := count(calls)
	if late != 1 || counts[watches] != 3 || counts[objects] != 1 || counts[lease] != 2 {
		t.Errorf("%d of the watches are late; all: %v", late, counts)
	}
}
