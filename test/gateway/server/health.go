package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/ambient-code/gatewaytenant-operator/test/gateway"
)

// health is the state that probes and metrics show.
type health struct {
	release  gateway.Release
	broken   bool                 // never ready
	database atomic.Pointer[ping] // the last one, or nil
	draining atomic.Bool          // the shutdown has begun
	requests atomic.Int64
}

// ping is the result of a check of the database.
type ping struct {
	latency time.Duration
	problem string // empty if the database answers
}

// monitor pings the database every 5 seconds.
func (h *health) monitor(ctx context.Context, db *sql.DB) {
	for ctx.Err() == nil {
		h.check(ctx, db)
		select {
		case <-ctx.Done():
		case <-time.After(5 * time.Second):
		}
	}
}

func (h *health) check(ctx context.Context, db *sql.DB) {
	limited, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	before, p := time.Now(), &ping{}
	switch err := db.PingContext(limited); {
	case errors.Is(err, context.DeadlineExceeded):
		p.problem = "database health check timed out"
	case err != nil, h.broken:
		p.problem = "database unavailable"
	}
	p.latency = time.Since(before)
	h.database.Store(p)
}

// ready reports whether the database answered the last ping.
func (h *health) ready() bool {
	p := h.database.Load()
	return p != nil && p.problem == ""
}

// routes returns the probes: /healthz always succeeds, /readyz once the database answers.
func (h *health) routes() http.Handler {
	readyz := h.readyz
	if h.release.ReadsSchema2() {
		readyz = h.readyz2
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	mux.HandleFunc("GET /readyz", readyz)
	mux.HandleFunc("GET /health", readyz)
	return mux
}

const (
	healthy   = "healthy"
	unhealthy = "unhealthy"
)

func (h *health) readyz(w http.ResponseWriter, _ *http.Request) {
	status := healthy
	if !h.ready() {
		status = unhealthy
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	fmt.Fprintf(w, `{"status":%q,"checks":{"database":{"status":%q}}}`, status, status)
}

// metrics returns a few of the metrics of a real gateway.
func (h *health) metrics() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		ready := 0
		if h.ready() {
			ready = 1
		}
		fmt.Fprintf(w, "# TYPE openshell_server_http_requests_total counter\nopenshell_server_http_requests_total %d\n"+
			"# TYPE readiness_database_healthy gauge\nreadiness_database_healthy %d\n", h.requests.Load(), ready)
	})
	return mux
}
