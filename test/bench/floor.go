package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/rest"
)

// script is what the operator sent for one tenant, in the order in which one thing waits for another.
type script struct {
	from       tenant
	tokenKey   string
	foundation []sent // of these none waits for another
	certgen    sent   // the Job
	gateway    sent   // the StatefulSet, which waits for the Job's Secrets
	status     sent   // that it is Ready
}

// newScript sorts what was captured.
func newScript(all []sent, from tenant, tokenKey string) (script, error) {
	s := script{from: from, tokenKey: tokenKey}
	for _, one := range all {
		switch {
		case strings.Contains(one.URI, "/gatewaytenants/"):
			s.status = one // the last is the one that says Ready
		case strings.Contains(one.URI, "/jobs/"):
			s.certgen = one
		case strings.Contains(one.URI, "/statefulsets/"):
			s.gateway = one
		default:
			s.foundation = append(s.foundation, one)
		}
	}
	if s.status.URI == "" || s.certgen.URI == "" || s.gateway.URI == "" || len(s.foundation) == 0 || tokenKey == "" {
		return s, fmt.Errorf("of the operator's requests for %s only %d were captured", from.namespace, len(all))
	}
	if !strings.Contains(string(s.gateway.Body), tokenKey) {
		return s, fmt.Errorf("the StatefulSet of %s does not name the token key %s", from.namespace, tokenKey)
	}
	return s, nil
}

// floor is a bare client: it knows what to send, and has neither caches nor anything to decide.
type floor struct {
	script
	host   string
	client *http.Client
	turns  chan struct{} // bounds the requests in flight
}

func newFloor(s script, config *rest.Config, inFlight int) (*floor, error) {
	config = rest.CopyConfig(config)
	config.UserAgent = "bench-floor"
	c, err := rest.HTTPClientFor(config)
	return &floor{script: s, host: config.Host, client: c, turns: make(chan struct{}, inFlight)}, err
}

// send sends a request of the script as it would be for another tenant. All names and ids are equally long, so the
// request is, too.
func (f *floor) send(ctx context.Context, one sent, to tenant, tokenKey string) error {
	f.turns <- struct{}{}
	defer func() { <-f.turns }()
	replace := strings.NewReplacer(f.from.namespace, to.namespace, string(f.from.uid), string(to.uid),
		string(f.from.namespaceUID), string(to.namespaceUID), f.tokenKey, tokenKey)
	request, err := http.NewRequestWithContext(ctx, one.Method, f.host+replace.Replace(one.URI), strings.NewReader(replace.Replace(string(one.Body))))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", one.ContentType)
	request.Header.Set("Accept", one.Accept)
	response, err := f.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode >= http.StatusMultipleChoices {
		err = fmt.Errorf("floor: %s %s: %s: %s", one.Method, request.URL.Path, response.Status, text)
	}
	return err
}

// found sends a tenant's foundation, all at once.
func (f *floor) found(ctx context.Context, to tenant) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, one := range f.foundation {
		group.Go(func() error { return f.send(ctx, one, to, f.tokenKey) })
	}
	return group.Wait()
}

// foundations sends the foundations of all tenants, and says how long that took.
func (f *floor) foundations(ctx context.Context, tenants []tenant) (time.Duration, error) {
	start := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(cap(f.turns))
	for _, t := range tenants {
		group.Go(func() error { return f.found(ctx, t) })
	}
	err := group.Wait()
	return time.Since(start), err
}

// run makes the gateways of all tenants: the foundation and the Job, the StatefulSet when the Job's Secrets are there,
// and the status when the StatefulSet serves. It returns when the API server has taken all that, or the limit is over.
func (f *floor) run(ctx context.Context, limit time.Duration, tenants []tenant, seen *observer) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not within %s", limit))
	defer cancel()
	group, ctx := errgroup.WithContext(ctx)
	waiting := newMailboxes(tenants)
	seen.onChange(waiting.tell)
	defer seen.onChange(func(string) {})
	admitted := make(chan struct{}, cap(f.turns)) // tenants whose foundation is being sent
	for _, t := range tenants {
		select {
		case admitted <- struct{}{}:
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), group.Wait())
		}
		group.Go(func() error {
			err := f.found(ctx, t)
			if err == nil {
				err = f.send(ctx, f.certgen, t, f.tokenKey)
			}
			<-admitted
			if err != nil {
				return err
			}
			tokenKey := ""
			if err := waiting.until(ctx, t, "its Secrets", func() bool { tokenKey = seen.tokenKey(t.namespace); return tokenKey != "" }); err != nil {
				return err
			}
			if err := f.send(ctx, f.gateway, t, tokenKey); err != nil {
				return err
			}
			if err := waiting.until(ctx, t, "its pod", func() bool { return seen.isServing(t.namespace) }); err != nil {
				return err
			}
			return f.send(ctx, f.status, t, tokenKey)
		})
	}
	return group.Wait()
}

// mailboxes wake who waits for something in a namespace.
type mailboxes struct {
	mu    sync.Mutex
	boxes map[string]chan struct{}
}

func newMailboxes(tenants []tenant) *mailboxes {
	m := &mailboxes{boxes: map[string]chan struct{}{}}
	for _, t := range tenants {
		m.boxes[t.namespace] = make(chan struct{}, 1)
	}
	return m
}

func (m *mailboxes) tell(namespace string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	select {
	case m.boxes[namespace] <- struct{}{}:
	default: // it will look anyway, or nobody waits
	}
}

// until waits for something in a tenant's namespace.
func (m *mailboxes) until(ctx context.Context, t tenant, what string, is func() bool) error {
	m.mu.Lock()
	box := m.boxes[t.namespace]
	m.mu.Unlock()
	for !is() {
		select {
		case <-box:
		case <-ctx.Done():
			return fmt.Errorf("floor: %s waits for %s: %w", t.namespace, what, context.Cause(ctx))
		}
	}
	return nil
}
