package main

import (
	"database/sql"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/ambient-code/gatewaytenant-operator/test/gateway"
)

// answer describes the gateway, and the client as the gateway sees it.
type answer struct {
	Release  string `json:"release"`
	Instance string `json:"instance"` // differs after each start
	Peer     string `json:"peer"`     // the subject of the client's certificate
	Caller   string `json:"caller"`   // "administrator" or "sandbox ID"
}

// routes returns what a gateway serves to clients:
//
//	GET /              an answer
//	PUT /values/NAME   stores the body under a name, encrypted as credentials are
//	GET /values/NAME   returns it
//	POST /tokens/ID    issues a token for a sandbox
//
// Each request is identified by its bearer token or certificate. A refused request gets the status 401. What openRoutes
// serves needs neither.
func (s *server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.root)
	mux.HandleFunc("PUT /values/{name}", s.putValue)
	mux.HandleFunc("GET /values/{name}", s.getValue)
	mux.HandleFunc("POST /tokens/{sandbox}", s.issue)
	open := s.openRoutes()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.health.requests.Add(1)
		if _, pattern := open.Handler(r); pattern != "" {
			open.ServeHTTP(w, r)
			return
		}
		_, err := s.caller(r)
		switch isRPC := s.release.ReadsSchema2() && isGRPC(r); {
		case err != nil && isRPC:
			failRPC(w, grpcUnauthenticated, err.Error())
		case err != nil:
			http.Error(w, err.Error(), http.StatusUnauthorized)
		case isRPC:
			failRPC(w, grpcUnimplemented, "the stand-in gateway does not have this RPC")
		default:
			mux.ServeHTTP(w, r)
		}
	})
}

func (s *server) caller(r *http.Request) (string, error) {
	caller := gateway.Caller{
		Authorization: r.Header.Get("Authorization"),
		Certificate:   r.TLS != nil && len(r.TLS.VerifiedChains) > 0,
	}
	return s.config.Identify(s.tokens, caller, time.Now())
}

func (s *server) root(w http.ResponseWriter, r *http.Request) {
	caller, _ := s.caller(r) // not refused
	a := answer{Release: s.release.String(), Instance: s.instance, Caller: caller}
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		a.Peer = r.TLS.PeerCertificates[0].Subject.String()
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(a) // the client may be gone
}

func (s *server) putValue(w http.ResponseWriter, r *http.Request) {
	value, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err == nil {
		err = s.store.put(r.Context(), r.PathValue("name"), value)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

func (s *server) getValue(w http.ResponseWriter, r *http.Request) {
	value, err := s.store.get(r.Context(), r.PathValue("name"))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		http.NotFound(w, r)
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	default:
		_, _ = w.Write(value) // the client may be gone
	}
}

func (s *server) issue(w http.ResponseWriter, r *http.Request) {
	if s.tokens == nil {
		http.Error(w, "IssueSandboxToken is unavailable without gateway_jwt", http.StatusNotImplemented)
		return
	}
	_, _ = io.WriteString(w, s.tokens.Issue(r.PathValue("sandbox"), time.Now()))
}
