package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"os"
	"time"

	"github.com/ambient-code/gatewaytenant-operator/test/gateway"
)

// server is a running gateway.
type server struct {
	options
	config   *gateway.Config
	tokens   *gateway.Tokens
	store    *store
	cluster  *cluster // nil outside of a pod
	instance string
	health   *health
}

// serve runs a gateway until the context ends.
func serve(ctx context.Context, arguments []string) error {
	o, err := parseOptions(arguments)
	if err != nil {
		return err
	}
	if err := o.fault.begin(); err != nil {
		return err
	}
	s, err := start(ctx, o)
	if err != nil {
		return err
	}
	defer s.store.db.Close()
	return s.listen(ctx)
}

// start does all that a gateway does before it listens, in its order.
func start(ctx context.Context, o options) (*server, error) {
	config, err := gateway.Load(o.release, o.config, osFiles{})
	if err != nil {
		return nil, err
	}
	settings := &config.OpenShell.Gateway
	if o.port != 0 {
		settings.BindAddress = netip.AddrPortFrom(settings.BindAddress.Addr(), o.port)
	}
	logInfo("TLS enabled — listening on encrypted HTTPS")
	if settings.Auth.AllowUnauthenticatedUsers {
		logWarn("Unauthenticated user access enabled — only use this for trusted local development or a fully trusted fronting proxy")
	}
	logInfo(fmt.Sprintf("Starting OpenShell server \x1b[3mbind\x1b[0m\x1b[2m=\x1b[0m%s", settings.BindAddress))
	tokens, err := gateway.NewTokens(settings.JWT, os.ReadFile)
	if err != nil {
		return nil, err
	}
	s := &server{options: o, config: config, tokens: tokens, instance: rand.Text(), health: &health{release: o.release, broken: o.fault.neverReady()}}
	if s.store, err = openStore(ctx, o); err != nil {
		return nil, err
	}
	if s.store.key, err = config.Key(o.release, os.Getenv); err != nil {
		return nil, err
	}
	if err := reachIssuer(ctx, o.release, settings.OIDC); err != nil {
		return nil, err
	}
	if s.cluster, err = inCluster(); err != nil {
		return nil, err
	}
	if o.release.ListsSandboxes() && s.cluster != nil {
		return s, s.cluster.listSandboxes(ctx)
	}
	return s, nil
}

// listen serves clients, probes and metrics.
func (s *server) listen(ctx context.Context) error {
	settings := s.config.OpenShell.Gateway
	failed := make(chan error, 3)
	probes, metrics := s.health.routes(), s.health.metrics()
	for what, l := range map[string]struct {
		address *netip.AddrPort
		handler http.Handler
	}{"Health": {settings.HealthBindAddress, probes}, "Metrics": {settings.MetricsAddress, metrics}} {
		if l.address == nil {
			logInfo(what + " server disabled")
			continue
		}
		listener, err := net.Listen("tcp", l.address.String())
		if err != nil {
			return fmt.Errorf("transport error: failed to bind %s port %s: %w", what, l.address, err)
		}
		logInfo(fmt.Sprintf("%s server listening \x1b[3maddress\x1b[0m\x1b[2m=\x1b[0m%s", what, l.address))
		go func() { failed <- newHTTPServer(s.fault.wrap(l.handler)).Serve(listener) }()
	}
	listener, err := net.Listen("tcp", settings.BindAddress.String())
	if err != nil {
		return fmt.Errorf("transport error: failed to bind to %s: %w", settings.BindAddress, err)
	}
	clients := newHTTPServer(s.fault.wrap(s.routes()))
	if settings.DisableTLS {
		if s.release.ReadsSchema2() {
			clients.Protocols = withoutTLS()
		}
		go func() { failed <- clients.Serve(listener) }()
	} else {
		reloader, err := newReloader(settings.TLS, s.config.DemandsCertificates())
		if err != nil {
			return err
		}
		go reloader.watch(ctx)
		clients.TLSConfig = reloader.config()
		go func() { failed <- clients.ServeTLS(listener, "", "") }()
	}
	go s.health.monitor(ctx, s.store.db)
	logInfo(fmt.Sprintf("Server listening \x1b[3maddress\x1b[0m\x1b[2m=\x1b[0m%s", settings.BindAddress))
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		logInfo("Shutdown signal received")
		if s.release.ReadsSchema2() {
			s.drain(clients)
		}
		return nil // Before, open connections were not drained.
	}
}

// drain lets requests end that have begun, for at most 30 seconds. The probes answer meanwhile.
func (s *server) drain(clients *http.Server) {
	s.health.draining.Store(true)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	_ = clients.Shutdown(ctx) // what has not ended is aborted
}

// withoutTLS returns the protocols of a listener without TLS. RPCs need HTTP/2.
func withoutTLS() *http.Protocols {
	protocols := &http.Protocols{}
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	return protocols
}

func newHTTPServer(handler http.Handler) *http.Server {
	return &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
}
