package main

import (
	"encoding/binary"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// openRoutes returns what a gateway of a release 0.1.N serves to any client that gets through the handshake:
//
//	POST /openshell.v1.OpenShell/Health             the RPC Health
//	GET  /.well-known/jwks.json                     the key that verifies tokens
//	GET  /.well-known/openid-configuration          the issuer of tokens
//	POST /openshell.v1.OpenShell/IssueSandboxToken  issues a token to a supervisor, which it identifies by another token
//
// Without gateway_jwt, it is only the first.
func (s *server) openRoutes() *http.ServeMux {
	mux := http.NewServeMux()
	if !s.release.ReadsSchema2() {
		return mux
	}
	mux.HandleFunc("POST /openshell.v1.OpenShell/Health", s.healthRPC)
	if s.tokens != nil {
		mux.HandleFunc("GET /.well-known/jwks.json", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, s.tokens.PublishedKeys()) })
		mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
			writeJSON(w, s.tokens.Discovery("https://"+r.Host))
		})
		mux.HandleFunc("POST /openshell.v1.OpenShell/IssueSandboxToken", s.issueSandboxToken)
	}
	return mux
}

func writeJSON(w http.ResponseWriter, text []byte) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(text) // the client may be gone
}

// The codes of gRPC that the gateway answers with.
const (
	grpcOK              = 0
	grpcUnimplemented   = 12
	grpcUnauthenticated = 16
)

func isGRPC(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc")
}

// healthRPC answers with the message {status = 1 (healthy), version}.
func (s *server) healthRPC(w http.ResponseWriter, r *http.Request) {
	if !isGRPC(r) {
		w.WriteHeader(http.StatusUnsupportedMediaType)
		return
	}
	_, _ = io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, 1<<10)) // the request's message is empty
	version := s.release.String()
	answerRPC(w, append([]byte{0x08, 1, 0x12, byte(len(version))}, version...))
}

// issueSandboxToken answers with the message {token}.
func (s *server) issueSandboxToken(w http.ResponseWriter, r *http.Request) {
	if !isGRPC(r) {
		w.WriteHeader(http.StatusUnsupportedMediaType)
		return
	}
	_, _ = io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, 1<<10)) // the request's message is empty
	projected, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	sandbox, err := s.cluster.sandboxOf(r.Context(), projected, s.config.SandboxAccount())
	if err != nil {
		failRPC(w, grpcUnauthenticated, err.Error())
		return
	}
	token := s.tokens.Issue(sandbox, time.Now())
	answerRPC(w, append(binary.AppendUvarint([]byte{0x0a}, uint64(len(token))), token...))
}

// answerRPC answers an RPC with a message.
func answerRPC(w http.ResponseWriter, message []byte) {
	frame := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))) //nolint:gosec // at most a token
	w.Header().Set("Content-Type", "application/grpc")
	_, _ = w.Write(append(frame, message...)) // the client may be gone
	w.Header().Set(http.TrailerPrefix+"Grpc-Status", strconv.Itoa(grpcOK))
}

// failRPC answers an RPC with an error.
func failRPC(w http.ResponseWriter, code int, message string) {
	w.Header().Set("Content-Type", "application/grpc")
	w.Header().Set("Grpc-Status", strconv.Itoa(code))
	w.Header().Set("Grpc-Message", message)
}
