package certificates

import (
	"flag"
	"fmt"
	"time"
)

// Lifetimes are the lifetimes of certificates. Flags of the operator set them, and it passes them to certgen.
type Lifetimes struct {
	// Leaf is the life of the certificates of the gateway and its clients. They are renewed after two thirds of it.
	Leaf time.Duration
	// CA is the life of a certificate authority. It, too, is renewed after two thirds.
	CA time.Duration
	// Overlap is how long a previous CA stays trusted in addition to its successor.
	Overlap time.Duration
	// TrustDelay is the longest time that a kubelet takes to update a changed Secret in a container, measured as 43 s on
	// average and at most 89 s. A new CA is trusted for that time before its certificates are used, if the previous CA's
	// key is missing and cannot sign it. A new name counts as served after the same time.
	TrustDelay time.Duration
}

const day = 24 * time.Hour

// DefaultLifetimes are one year for a leaf and ten years for a CA. The overlap of 120 days is the time that clients have to
// load a renewed certificate anyway: the last third of a year.
var DefaultLifetimes = Lifetimes{Leaf: 365 * day, CA: 3650 * day, Overlap: 120 * day, TrustDelay: 2 * time.Minute}

// longestTrustDelay leaves certgen enough time within its Job's deadline of 180 s.
const longestTrustDelay = 2 * time.Minute

// AddFlags adds the flags that set l, whose values are the defaults.
func (l *Lifetimes) AddFlags(flags *flag.FlagSet) {
	flags.DurationVar(&l.Leaf, "leaf-lifetime", l.Leaf, "life of the certificates of gateways and their clients; renewed after two thirds of it")
	flags.DurationVar(&l.CA, "ca-lifetime", l.CA, "life of a tenant's certificate authority, at least three times that of a leaf; renewed after two thirds of it")
	flags.DurationVar(&l.Overlap, "ca-overlap", l.Overlap, "how long a former authority stays trusted beside its successor")
	flags.DurationVar(&l.TrustDelay, "trust-delay", l.TrustDelay, "how long a changed Secret takes to reach a container, at most: a CA that no previous one vouches for is trusted for that time before its certificates are used, and a new server name is reported as served after it; at most 2m")
}

// Args returns the flags that pass l to certgen.
func (l Lifetimes) Args() []string {
	return []string{
		"--leaf-lifetime=" + l.Leaf.String(), "--ca-lifetime=" + l.CA.String(),
		"--ca-overlap=" + l.Overlap.String(), "--trust-delay=" + l.TrustDelay.String(),
	}
}

// Validate returns an error if the lifetimes are inconsistent: a CA is renewed while a third of its life is left, and no leaf
// that it issues until then may outlive it.
func (l Lifetimes) Validate() error {
	switch {
	case l.Leaf < 10*time.Second:
		return fmt.Errorf("--leaf-lifetime=%s: it must be at least 10s", l.Leaf)
	case l.CA < 3*l.Leaf:
		return fmt.Errorf("--ca-lifetime=%s: it must be at least three times --leaf-lifetime=%s", l.CA, l.Leaf)
	case l.Overlap < 0:
		return fmt.Errorf("--ca-overlap=%s: it must not be negative", l.Overlap)
	case l.TrustDelay < 0 || l.TrustDelay > longestTrustDelay:
		return fmt.Errorf("--trust-delay=%s: it must be from 0s to %s", l.TrustDelay, longestTrustDelay)
	}
	return nil
}
