package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	operatoroptions "github.com/ambient-code/gatewaytenant-operator/controllers/options"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// operator is one life of an operator, from its start to its crash.
type operator struct {
	proxy    *proxy
	gate     gate
	watching watching
	dead     atomic.Bool
	unled    atomic.Bool // its requests for the lease do not arrive
	blind    atomic.Bool // what it reads by itself, and not by a watch, fails
	late     sync.Map    // the paths that it lists as of the past, and does not watch yet
	next     http.RoundTripper
	ctx      context.Context // ends with it
	cancel   context.CancelFunc
	running  *operatortest.Operator
}

// startOperator starts one that reaches the API server through the trial's proxy. If it ends by itself, as one does that
// could not renew its lease because the machine is busy, again is called, as a kubelet would.
func startOperator(config *rest.Config, p *proxy, options operatoroptions.Options, bug *canary, again func()) (*operator, error) {
	o := &operator{proxy: p}
	o.ctx, o.cancel = context.WithCancel(context.Background())
	config = rest.CopyConfig(config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		o.next = next
		return bug.infect(&operatorEnd{next: next, of: o})
	})
	var err error
	if o.running, err = operatortest.StartOperator(o.ctx, config, options); err != nil {
		o.cancel()
		return nil, err
	}
	go func() {
		if err := o.running.Wait(); err != nil && o.ctx.Err() == nil && !o.unled.Load() {
			o.crash()
			again()
		}
	}()
	return o, nil
}

// crash ends the operator as a kill does: nothing that it does from now on arrives anywhere.
func (o *operator) crash() {
	o.dead.Store(true)
	o.cancel()
}

// stop ends the operator gracefully, and returns when it has ended.
func (o *operator) stop() error {
	o.cancel()
	return o.running.Wait()
}

// read forwards what is no write, apart from what the plan does to watches and to the lease.
func (o *operator) read(request *http.Request, next http.RoundTripper) (*http.Response, error) {
	if o.unled.Load() && targetOf(request.URL.Path).resource == "leases" {
		return nil, errReset
	}
	if !watches(request) {
		if resource := targetOf(request.URL.Path).resource; o.blind.Load() && resource != "" && resource != "leases" && request.Method == http.MethodGet {
			return reply(request, http.StatusInternalServerError, "InternalError", 0), nil
		}
		return next.RoundTrip(o.proxy.asOfThePast(request))
	}
	if request.URL.Query().Get("sendInitialEvents") == "true" && o.proxy.past.Load() != nil {
		o.late.Store(request.URL.Path, nil)
		return reply(request, http.StatusUnprocessableEntity, "Invalid", 0), nil // so that it lists, which can be of the past
	}
	if o.watching.expired.Load() && request.URL.Query().Get("resourceVersion") != "" {
		return reply(request, http.StatusGone, "Expired", 0), nil
	}
	response, err := next.RoundTrip(asLines(request))
	if err == nil && response.StatusCode == http.StatusOK {
		o.late.Delete(request.URL.Path)
	}
	if err == nil {
		response.Body = newStream(response.Body, o, watched(request))
	}
	return response, err
}

// present returns an error while the operator sees the past, or does not watch yet what it was shown of that: a list of a
// version that the API server does not know yet fails, and is tried again later and later.
func (o *operator) present() error {
	if o.proxy.past.Load() != nil {
		return errors.New("the operator does not see the present yet")
	}
	var err error
	o.late.Range(func(path, _ any) bool {
		err = fmt.Errorf("the operator does not watch %s yet", path)
		return false
	})
	return err
}

// asOfThePast is a list of what there was, if it is to be one.
func (p *proxy) asOfThePast(request *http.Request) *http.Request {
	past, of := p.past.Load(), targetOf(request.URL.Path)
	if past == nil || request.Method != http.MethodGet || of.resource == "" || of.name != "" {
		return request
	}
	query := request.URL.Query()
	query.Set("resourceVersion", *past)
	query.Set("resourceVersionMatch", string(metav1.ResourceVersionMatchExact))
	request = request.Clone(request.Context())
	request.URL.RawQuery = query.Encode()
	return request
}

// watched names what a watch is for, such as services/openshell-gateway.
func watched(request *http.Request) string {
	name, _ := strings.CutPrefix(request.URL.Query().Get("fieldSelector"), "metadata.name=")
	return targetOf(request.URL.Path).resource + "/" + name
}

// asLines asks for JSON alone, whose events can be told apart.
func asLines(request *http.Request) *http.Request {
	accept := "application/json"
	for kind := range strings.SplitSeq(request.Header.Get("Accept"), ",") {
		if kind = strings.TrimSpace(kind); strings.HasPrefix(kind, accept) {
			accept = kind
		}
	}
	request = request.Clone(request.Context())
	request.Header.Set("Accept", accept)
	return request
}
