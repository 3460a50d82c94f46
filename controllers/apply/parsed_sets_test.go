package apply

import (
	"bytes"
	"fmt"
	"testing"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// TestLargeSetsAreNotRemembered: a client that applies large objects under the operator's name could fill the memory with them.
func TestLargeSetsAreNotRemembered(t *testing.T) {
	sets, parsed := &parsedSets{}, 0
	get := func(raw string) *fieldpath.Set {
		t.Helper()
		set, err := sets.get([]byte(raw), func() (*fieldpath.Set, error) {
			parsed++
			set := &fieldpath.Set{}
			return set, set.FromJSON(bytes.NewReader([]byte(raw)))
		})
		if err != nil {
			t.Fatal(err)
		}
		return set
	}
	for i := range maxParsed {
		if raw := fmt.Sprintf(`{"f:data":{"f:%d":{}},`, i) + manyFields(2 * maxParsedText)[1:]; !get(raw).Has(fieldpath.MakePathOrDie("data", fmt.Sprint(i))) {
			t.Errorf("set %d is not the one that was parsed", i)
		}
	}
	if len(sets.last) != 0 || parsed != maxParsed {
		t.Errorf("%d large sets are remembered, %d were parsed", len(sets.last), parsed)
	}
	parsed = 0
	for i := range 4 * maxParsed {
		get(fmt.Sprintf(`{"f:data":{"f:%d":{}}}`, i/2))
	}
	if len(sets.last) != maxParsed || parsed != 2*maxParsed {
		t.Errorf("%d sets are remembered, want %d; %d were parsed, want %d", len(sets.last), maxParsed, parsed, 2*maxParsed)
	}
}
