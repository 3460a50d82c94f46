package faulty

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Proxy is a handler before the one that reaches the API server. It spares watches: those break in other tests, and one
// that breaks all the time would delay everything instead of letting it fail. Leases it does not spare.
type Proxy struct {
	next  http.Handler
	share float64

	mu     sync.Mutex
	random *rand.Rand
	asked  int
	done   map[string]int // faults, by name
}

// New makes one that answers a share of all requests, from 0 to 1, with faults. The seed decides what the first request
// gets, the second and so on; which request is the first is for the operator and the machine to say.
func New(next http.Handler, share float64, seed uint64) *Proxy {
	return &Proxy{next: next, share: share, random: rand.New(rand.NewPCG(seed, seed)), done: map[string]int{}} //nolint:gosec // nothing is secret here
}

// fault is one way not to answer as asked.
type fault struct {
	name string
	do   func(p *Proxy, w http.ResponseWriter, r *http.Request)
}

var faults = []fault{
	{"500", refuse(apierrors.NewInternalError(errors.New("an injected fault")), 0)},
	{"503", refuse(apierrors.NewServiceUnavailable("an injected fault"), 0)},
	{"429", refuse(apierrors.NewTooManyRequests("an injected fault", 1), 1)},
	{"reset before", func(_ *Proxy, w http.ResponseWriter, _ *http.Request) { reset(w) }},
	{"reset after", func(p *Proxy, w http.ResponseWriter, r *http.Request) {
		p.next.ServeHTTP(nowhere{http.Header{}}, r)
		reset(w)
	}},
}

// ServeHTTP forwards a request, or has a fault for it.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Get("watch") == "true" {
		p.next.ServeHTTP(w, r)
		return
	}
	if f := p.draw(); f != nil {
		f.do(p, w, r)
		return
	}
	p.next.ServeHTTP(w, r)
}

// draw chooses what a request gets; nil: what it asks for.
func (p *Proxy) draw() *fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked++
	if p.random.Float64() >= p.share {
		return nil
	}
	f := &faults[p.random.IntN(len(faults))]
	p.done[f.name]++
	return f
}

// String says what was done so far.
func (p *Proxy) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	total, each := 0, []string{}
	for _, name := range slices.Sorted(maps.Keys(p.done)) {
		total += p.done[name]
		each = append(each, fmt.Sprintf("%d %s", p.done[name], name))
	}
	return fmt.Sprintf("of %d requests %d were answered with faults: %s", p.asked, total, strings.Join(each, ", "))
}

// refuse answers in the API server's place.
func refuse(err apierrors.APIStatus, retryAfter int) func(*Proxy, http.ResponseWriter, *http.Request) {
	status := err.Status()
	status.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}
	text, marshalErr := json.Marshal(status)
	if marshalErr != nil {
		panic(marshalErr) // it is made of strings and numbers
	}
	return func(_ *Proxy, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if retryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(retryAfter))
		}
		w.WriteHeader(int(status.Code))
		_, _ = w.Write(text) // whoever asked may be gone
	}
}

// reset breaks the client's connection so that it gets a TCP reset.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2: the stream is reset instead
	}
	if secure, is := conn.(*tls.Conn); is {
		conn = secure.NetConn()
	}
	if tcp, is := conn.(*net.TCPConn); is {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// nowhere is where a lost reply goes.
type nowhere struct{ header http.Header }

func (n nowhere) Header() http.Header            { return n.header }
func (n nowhere) Write(text []byte) (int, error) { return len(text), nil }
func (n nowhere) WriteHeader(int)                {}
