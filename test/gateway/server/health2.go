package main

import (
	"encoding/json"
	"net/http"
)

// readiness is what /readyz answers in releases 0.1.N.
type readiness struct {
	Status  string `json:"status"`
	Version string `json:"version"`
	Checks  struct {
		Database databaseCheck `json:"database"`
	} `json:"checks"`
}

type databaseCheck struct {
	Status  string `json:"status"`
	Latency *int64 `json:"latency_ms,omitempty"`
	Error   string `json:"error,omitempty"`
}

func (h *health) readyz2(w http.ResponseWriter, _ *http.Request) {
	answer := readiness{Status: healthy, Version: h.release.String()}
	answer.Checks.Database = databaseCheck{Status: unhealthy, Error: "readiness monitor still initializing"}
	if p := h.database.Load(); p != nil {
		latency := p.latency.Milliseconds()
		answer.Checks.Database = databaseCheck{healthy, &latency, p.problem}
		if p.problem != "" {
			answer.Checks.Database.Status = unhealthy
		}
	}
	switch {
	case h.draining.Load():
		answer.Status = "draining"
	case !h.ready():
		answer.Status = unhealthy
	}
	w.Header().Set("Content-Type", "application/json")
	if answer.Status != healthy {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(answer) // the client may be gone
}
