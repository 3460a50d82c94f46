package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

func jsonOf(request *http.Request) any {
	var object any
	if json.Unmarshal(bodyOf(request), &object) != nil {
		return nil
	}
	return object
}

// overlooks does not take foreign elements over, so that they stay.
func overlooks(i *infection, request *http.Request) (*http.Response, error) {
	if i.is(request, "PATCH services/openshell-gateway") && strings.HasPrefix(request.Header.Get("Content-Type"), "application/json-patch") {
		return pretend(request), nil
	}
	return i.next.RoundTrip(request)
}

func asksNicely(i *infection, request *http.Request) (*http.Response, error) {
	if i.is(request, theConfig) {
		request = another(request, request.Method, request.URL.Path, jsonOf(request))
		query := request.URL.Query()
		query.Del("force")
		request.URL.RawQuery = query.Encode()
	}
	return i.next.RoundTrip(request)
}

// tidies sets labels to its own after each write, as a PUT would.
func tidies(i *infection, request *http.Request) (*http.Response, error) {
	response, err := i.next.RoundTrip(request)
	if err == nil && i.is(request, theConfig) {
		remove := another(request, http.MethodPatch, request.URL.Path, map[string]any{"metadata": map[string]any{"labels": map[string]any{mark: nil}}})
		remove.Header.Set("Content-Type", "application/merge-patch+json")
		remove.URL.RawQuery = ""
		drop(i.next.RoundTrip(remove))
	}
	return response, err
}

func statusForever(i *infection, request *http.Request) (*http.Response, error) {
	if i.is(request, theStatus) {
		n := 0
		path := request.URL.Path
		i.every(time.Second, func() {
			n++
			again := another(request, http.MethodPatch, path, map[string]any{"status": map[string]any{"version": fmt.Sprint("looked at ", n)}})
			drop(i.next.RoundTrip(again))
		})
	}
	return i.next.RoundTrip(request)
}

func saysReady(object map[string]any) {
	conditions, _ := field(object, "status")["conditions"].([]any)
	for _, condition := range conditions {
		if is := condition.(map[string]any); is["type"] == "Ready" {
			is["status"], is["reason"] = "True", "Ready"
		}
	}
}

// strays writes a tenant's object into a namespace that is another's.
func strays(i *infection, request *http.Request) (*http.Response, error) {
	if i.is(request, theConfig) {
		object, _ := jsonOf(request).(map[string]any)
		field(object, "metadata")["namespace"] = "default"
		delete(field(object, "metadata"), "ownerReferences")
		path := strings.Replace(request.URL.Path, "/"+i.of.proxy.namespace+"/", "/default/", 1)
		drop(i.next.RoundTrip(another(request, request.Method, path, object)))
	}
	return i.next.RoundTrip(request)
}

// goOnWith makes a write again and again, whenever it is time.
func (i *infection) goOnWith(like *http.Request, when func() bool) {
	object := jsonOf(like)
	i.every(700*time.Millisecond, func() {
		if when() {
			drop(i.next.RoundTrip(another(like, like.Method, like.URL.Path, object)))
		}
	})
}

// twoWriters has another one, who wants another image, write beside the operator.
func twoWriters(i *infection, request *http.Request) (*http.Response, error) {
	if i.is(request, theSet) {
		other := rewrite(request, func(object map[string]any) {
			containers, _ := field(object, "spec", "template", "spec")["containers"].([]any)
			containers[0].(map[string]any)["image"] = "ghcr.io/nvidia/openshell/gateway:0.0.110"
		})
		i.goOnWith(other, func() bool { return true })
	}
	return i.next.RoundTrip(request)
}

// createsOnly makes an object once, and takes it for done ever after.
func createsOnly(key string) func(*infection, *http.Request) (*http.Response, error) {
	return func(i *infection, request *http.Request) (*http.Response, error) {
		if i.is(request, key) {
			if _, there := i.memory.LoadOrStore(key, true); there {
				return pretend(request), nil
			}
		}
		return i.next.RoundTrip(request)
	}
}

// triesElsewhere tries again under another name when a write seems to have failed.
func triesElsewhere(i *infection, request *http.Request) (*http.Response, error) {
	response, err := i.next.RoundTrip(request)
	if i.is(request, theConfig) && (err != nil || response.StatusCode >= http.StatusBadRequest) {
		i.makeCopy()
	}
	return response, err
}

// trustsItsView makes a copy when its view has not what it made, in whichever life.
func trustsItsView(i *infection, request *http.Request) (*http.Response, error) {
	if i.is(request, theConfig) {
		object, _ := jsonOf(request).(map[string]any)
		_, made := i.memory.LoadOrStore(theConfig, true)
		if _, seen := field(object, "metadata")["uid"]; made && !seen {
			i.makeCopy()
		}
	}
	return i.next.RoundTrip(request)
}

// losesPatience reads no more of a watch that once told nothing for a while.
func losesPatience(i *infection, request *http.Request) (*http.Response, error) {
	response, err := i.next.RoundTrip(request)
	if err == nil && watches(request) {
		response.Body = &impatient{ReadCloser: response.Body, of: i.of}
	}
	return response, err
}

// impatient is a watch that ends for good when it stalls.
type impatient struct {
	io.ReadCloser
	of *operator
}

func (w *impatient) Read(into []byte) (int, error) {
	n, err := w.ReadCloser.Read(into)
	if w.of.watching.stalled.Load() {
		<-w.of.ctx.Done()
		return 0, io.EOF
	}
	return n, err
}

// remembersUID takes the uid that an object had when it was first changed for its uid for ever.
func remembersUID(i *infection, request *http.Request) (*http.Response, error) {
	if i.is(request, theConfig) {
		request = rewrite(request, func(object map[string]any) {
			if uid, there := field(object, "metadata")["uid"]; there {
				field(object, "metadata")["uid"], _ = i.mine.LoadOrStore(theConfig, uid)
			}
		})
	}
	return i.next.RoundTrip(request)
}

// saysOnce does not look at the status any more once it has said Ready.
func saysOnce(i *infection, request *http.Request) (*http.Response, error) {
	if i.is(request, theStatus) {
		if _, said := i.memory.Load(theStatus); said {
			return pretend(request), nil
		}
		if strings.Contains(string(bodyOf(request)), `"reason":"Ready"`) {
			i.memory.Store(theStatus, true)
		}
	}
	return i.next.RoundTrip(request)
}

// sticksTo writes no status any more once it has written one with a reason.
func sticksTo(reason string) func(*infection, *http.Request) (*http.Response, error) {
	return func(i *infection, request *http.Request) (*http.Response, error) {
		if i.is(request, theStatus) {
			if _, sticks := i.memory.Load(reason); sticks {
				return pretend(request), nil
			}
			if strings.Contains(string(bodyOf(request)), `"reason":"`+reason+`"`) {
				i.memory.Store(reason, true)
			}
		}
		return i.next.RoundTrip(request)
	}
}

// overlooksRestores does not see the annotation of a namespace that a backup is being restored into.
func overlooksRestores(i *infection, request *http.Request) (*http.Response, error) {
	response, err := i.next.RoundTrip(request)
	if err == nil && watches(request) && targetOf(request.URL.Path).resource == "namespaces" {
		response.Body = &oblivious{ReadCloser: response.Body, lines: bufio.NewReader(response.Body)}
	}
	return response, err
}

// oblivious is a watch, one event a line, that leaves the annotation out.
type oblivious struct {
	io.ReadCloser
	lines *bufio.Reader
	line  []byte
}

func (w *oblivious) Read(into []byte) (int, error) {
	if len(w.line) == 0 {
		line, err := w.lines.ReadBytes('\n')
		if err != nil {
			return 0, err
		}
		w.line = bytes.ReplaceAll(line, []byte(v1alpha1.AnnotationRestore), []byte("canary/overlooked"))
	}
	n := copy(into, w.line)
	w.line = w.line[n:]
	return n, nil
}

// goesOn writes on and on once it has lost the lease.
func goesOn(i *infection, request *http.Request) (*http.Response, error) {
	if i.is(request, theSet) {
		request = rewrite(request, func(map[string]any) {})
		i.goOnWith(request, i.of.unled.Load)
	}
	return i.next.RoundTrip(request)
}

// hurries goes on to the Job before it has given the Job its rights.
func hurries(i *infection, request *http.Request) (*http.Response, error) {
	if i.is(request, theRights) {
		if first, _ := i.mine.LoadOrStore(theRights, time.Now()); time.Since(first.(time.Time)) < 5*time.Second {
			return pretend(request), nil
		}
	}
	return i.next.RoundTrip(request)
}

// deletesByName deletes whatever has the name by now.
func deletesByName(i *infection, request *http.Request) (*http.Response, error) {
	if i.is(request, theOldJob) {
		request = another(request, request.Method, request.URL.Path, nil)
	}
	return i.next.RoundTrip(request)
}

// takesFailedForGone takes what it cannot read for what is not there.
func takesFailedForGone(i *infection, request *http.Request) (*http.Response, error) {
	response, err := i.next.RoundTrip(request)
	if err == nil && request.Method == http.MethodGet && !watches(request) && response.StatusCode == http.StatusInternalServerError {
		drop(response, nil)
		return reply(request, http.StatusNotFound, "NotFound", 0), nil
	}
	return response, err
}
