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

// accept compares an API server's answer to the apply of desired with desired. If they differ, an admission webhook has changed the
// object. The same answer then counts as unchanged, since the webhook would change the next one, too. It returns some of the
// desired fields that the webhook changed, but no fields that it added. If difference was made without the content of the object,
// such an addition may be another client's, which the apply left because it was not taken over. Then the answer does not count as
// unchanged, and the next comparison is incomplete.
func (c *Comparer) accept(desired, answer *unstructured.Unstructured, difference Difference) ([]string, error) {
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
	if c.exclusive && !difference.complete {
		if left, err := c.fields.takeover(hashed, live, answer); err != nil || left != nil {
			return nil, err
		}
	}
	c.cache.add(keyOfAnswer(AppliedHash(hashed), live, live.GetManagedFields()[ours]))
	differing, err := c.fields.differingFields(hashed, live, answer)
	if err != nil {
		return nil, err
	}
	return someFields(differing), nil
}
