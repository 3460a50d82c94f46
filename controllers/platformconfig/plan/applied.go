package plan

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"
)

// AppliedSet is a set of namespaces in which the bridge has applied an entry. The report records it in the operator's namespace,
// where tenants cannot write. So a tenant who removes the bridge's marks from a GatewayTenant, or replaces it by one without
// them, does not take it from the bridge. A namespace that is deleted and created again is another one.
type AppliedSet map[namespaceHash]struct{}

// namespaceHash identifies a namespace in few bytes, since the report must have space for tens of thousands.
type namespaceHash [6]byte

func hashOf(namespace string, uid types.UID) namespaceHash {
	sum := sha256.Sum256([]byte(namespace + "/" + string(uid)))
	return namespaceHash(sum[:len(namespaceHash{})])
}

// has reports whether the set contains a namespace. A namespace whose uid is unknown is in no set.
func (a AppliedSet) has(namespace string, uid types.UID) bool {
	_, has := a[hashOf(namespace, uid)]
	return has && uid != ""
}

// Text returns the set as text. Equal sets have equal texts.
func (a AppliedSet) Text() string {
	all := make([]namespaceHash, 0, len(a))
	for hash := range a {
		all = append(all, hash)
	}
	slices.SortFunc(all, func(a, b namespaceHash) int { return bytes.Compare(a[:], b[:]) })
	var text strings.Builder
	for _, hash := range all {
		text.WriteString(base64.RawStdEncoding.EncodeToString(hash[:]))
	}
	return text.String()
}

// ParseApplied returns the set with this text.
func ParseApplied(text string) (AppliedSet, error) {
	content, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil || len(content)%len(namespaceHash{}) != 0 {
		return nil, fmt.Errorf("the text of %d bytes is not a set of namespaces", len(text))
	}
	applied := AppliedSet{}
	for hash := range slices.Chunk(content, len(namespaceHash{})) {
		applied[namespaceHash(hash)] = struct{}{}
	}
	return applied, nil
}
