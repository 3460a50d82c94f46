package faulty

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// TestShareOfRequestsIsAnsweredWithFaults and a lost reply is one to a request that was done.
func TestShareOfRequestsIsAnsweredWithFaults(t *testing.T) {
	var did atomic.Int64
	proxy := New(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		did.Add(1)
		fmt.Fprintln(w, "done")
	}), 0.3, 1)
	server := httptest.NewTLSServer(proxy)
	defer server.Close()
	const requests = 1000
	got := map[string]int64{}
	for range requests {
		response, err := server.Client().Post(server.URL+"/api/v1/namespaces", "application/json", strings.NewReader("{}"))
		if err != nil {
			got["reset"]++
			continue
		}
		got[response.Status]++
		if response.StatusCode == http.StatusTooManyRequests && response.Header.Get("Retry-After") != "1" {
			t.Error("a 429 does not say when to come again")
		}
		_ = response.Body.Close()
	}
	t.Log(proxy, got)
	if faulty := requests - got["200 OK"]; faulty < 250 || faulty > 350 {
		t.Errorf("%d of %d were faulty", faulty, requests)
	}
	if lost := int64(proxy.done["reset after"]); did.Load() != got["200 OK"]+lost || got["reset"] != lost+int64(proxy.done["reset before"]) {
		t.Errorf("%d were done, %d replies arrived and %d connections broke: %s", did.Load(), got["200 OK"], got["reset"], proxy)
	}
	for _, f := range faults {
		if proxy.done[f.name] == 0 {
			t.Errorf("there was no %s", f.name)
		}
	}
}

func TestWatchesAreSpared(t *testing.T) {
	proxy := New(http.NotFoundHandler(), 1, 1)
	watched := httptest.NewRecorder()
	proxy.ServeHTTP(watched, httptest.NewRequest(http.MethodGet, "/api/v1/pods?watch=true", nil))
	if watched.Code != http.StatusNotFound {
		t.Errorf("a watch is answered with %d", watched.Code)
	}
}
