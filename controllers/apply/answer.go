package apply

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// digested returns the metadata of an object that was read from an API server, with digests.
func (c *Comparer) digested(object *unstructured.Unstructured) (metav1.Object, error) {
	live, content, err := c.fields.stored(object)
	if err != nil {
		return nil, err
	}
	found, err := c.fields.digestsOf(content, live)
	recordDigests(live, found)
	return live, err
}

// accept compares an API server's answer to the apply of desired with desired. If it is not as desired, an admission webhook has
// changed it. The same answer then counts as unchanged, since the webhook would change the next one, too, and what it changed is
// returned. What it added where others may add nothing is not.
func (c *Comparer) accept(desired, answer *unstructured.Unstructured) ([]string, error) {
	hashed, text, err := addHash(desired)
	if err != nil {
		return nil, err
	}
	live, err := c.digested(answer)
	if err != nil {
		return nil, err
	}
	unchanged, err := c.unchanged(hashed, text, live)
	ours := slices.IndexFunc(live.GetManagedFields(), c.fields.isOurs)
	if err != nil || unchanged || ours < 0 {
		return nil, err
	}
	c.cache.add(keyOfAnswer(AppliedHash(hashed), live, live.GetManagedFields()[ours]))
	differing, err := c.fields.differingFields(hashed, live, answer)
	if err != nil {
		return nil, err
	}
	return someFields(differing), nil
}
