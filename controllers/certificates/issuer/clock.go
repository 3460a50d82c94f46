package issuer

import (
	"fmt"
	"net/http"
	"sync"
	"time"
)

// clockMargin allows for the whole seconds of the Date header and for the time that a response takes.
const clockMargin = 30 * time.Second

// Clock compares the clock of this machine with the API server's, which it reads from the Date header of each response.
type Clock struct {
	mu         sync.Mutex
	difference time.Duration // how far this machine's clock is ahead
}

// Wrap returns a transport that reads the header.
func (c *Clock) Wrap(next http.RoundTripper) http.RoundTripper { return &clockReader{c, next} }

type clockReader struct {
	clock *Clock
	next  http.RoundTripper
}

// RoundTrip implements [http.RoundTripper].
func (r *clockReader) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := r.next.RoundTrip(request)
	if err != nil {
		return response, err
	}
	if server, unread := http.ParseTime(response.Header.Get("Date")); unread == nil {
		r.clock.mu.Lock()
		defer r.clock.mu.Unlock()
		r.clock.difference = time.Since(server)
	}
	return response, nil
}

// check returns an error if the clocks differ by more than certificates are backdated. A certificate issued by such a clock
// may not be valid yet for its peers, and a valid one may look expired.
func (c *Clock) check() error {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.difference.Abs() <= backdating-clockMargin {
		return nil
	}
	difference, direction := c.difference.Abs().Round(time.Minute), "ahead of" // the status repeats it
	if c.difference < 0 {
		direction = "behind"
	}
	return fmt.Errorf("the clock of certgen's node is %s %s the API server's clock, so certgen issues nothing: certificates would not be valid at the right time; correct the node's clock",
		difference, direction)
}
