package main

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"
)

// health is the state that probes and metrics show.
type health struct {
	broken   bool // never ready
	ready    atomic.Bool
	requests atomic.Int64
}

// monitor pings the database every 5 seconds.
func (h *health) monitor(ctx context.Context, db *sql.DB) {
	for ctx.Err() == nil {
		ping, cancel := context.WithTimeout(ctx, 2*time.Second)
		h.ready.Store(db.PingContext(ping) == nil && !h.broken)
		cancel()
		select {
		case <-ctx.Done():
		case <-time.After(5 * time.Second):
		}
	}
}

// routes returns the probes: /healthz always succeeds, /readyz once the database answers.
func (h *health) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	mux.HandleFunc("GET /readyz", h.readyz)
	mux.HandleFunc("GET /health", h.readyz)
	return mux
}

func (h *health) readyz(w http.ResponseWriter, _ *http.Request) {
	status := "healthy"
	if !h.ready.Load() {
		status = "unhealthy"
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	fmt.Fprintf(w, `{"status":%q,"checks":{"database":{"status":%q}}}`, status, status)
}

// metrics returns a few of the metrics of a real gateway.
func (h *health) metrics() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		ready := 0
		if h.ready.Load() {
			ready = 1
		}
		fmt.Fprintf(w, "# TYPE openshell_server_http_requests_total counter\nopenshell_server_http_requests_total %d\n"+
			"# TYPE readiness_database_healthy gauge\nreadiness_database_healthy %d\n", h.requests.Load(), ready)
	})
	return mux
}
