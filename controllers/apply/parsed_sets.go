package apply

import (
	"bytes"
	"sync"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// parsedSets remembers the last few sets of fields that were parsed. The objects of all tenants that have the same kind and name
// also have the same fields, so nearly every set is parsed once. The sets are shared and must not be modified.
type parsedSets struct {
	mu   sync.Mutex
	last []parsedSet
}

type parsedSet struct {
	raw []byte
	set *fieldpath.Set
}

const (
	// maxParsed is how many sets are remembered: a few for each kind and name of object.
	maxParsed = 32
	// maxParsedText is the size of the largest text whose set is remembered. The largest that the operator applies has 3 KiB, but
	// every client can apply an object under its name, and a parsed set takes several times the memory of its text.
	maxParsedText = 8 << 10
)

// get returns the set of an entry, which parse reads. Raw identifies it.
func (p *parsedSets) get(raw []byte, parse func() (*fieldpath.Set, error)) (*fieldpath.Set, error) {
	if len(raw) > maxParsedText {
		return parse()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, known := range p.last {
		if bytes.Equal(known.raw, raw) {
			return known.set, nil
		}
	}
	set, err := parse()
	if err != nil {
		return nil, err
	}
	if len(p.last) == maxParsed {
		p.last = p.last[1:]
	}
	p.last = append(p.last, parsedSet{bytes.Clone(raw), set})
	return set, nil
}
