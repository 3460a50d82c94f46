package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// tally is what a client prints as one line of JSON.
type tally struct {
	Outcomes  map[string]int `json:"outcomes"`  // "ok", or why a connection failed
	Last      string         `json:"last"`      // the outcome of the last connection
	Errors    map[string]int `json:"errors"`    // the errors behind the outcomes
	Instances map[string]int `json:"instances"` // by the start of the gateway that answered
	Serials   map[string]int `json:"serials"`   // by the serial number of the gateway's certificate
	Callers   map[string]int `json:"callers"`   // by what the gateway took the client for
	Names     []string       `json:"names"`     // of the certificate seen last
}

// client connects with files that it reads again for each connection.
type client struct {
	url, dir, name, token string
	timeout               time.Duration
}

// runClient connects again and again, and prints the tally every 5 seconds and at the end.
func runClient(ctx context.Context, arguments []string) error {
	c, interval, most := client{}, time.Duration(0), 0
	flags := flag.NewFlagSet("client", flag.ExitOnError)
	flags.StringVar(&c.url, "url", "", "What to get from the gateway, as https://HOST:8080/.")
	flags.StringVar(&c.dir, "files", "/etc/openshell-tls/client", "Directory with ca.crt and, if the client has a certificate, tls.crt and tls.key.")
	flags.StringVar(&c.name, "server-name", "", "Name that the gateway's certificate must have, if it is not the host of the URL.")
	flags.StringVar(&c.token, "token-file", "", "File with a bearer token.")
	flags.DurationVar(&interval, "interval", 500*time.Millisecond, "Time between the starts of two connections.")
	flags.DurationVar(&c.timeout, "timeout", 3*time.Second, "Time after which a connection counts as timed out.")
	flags.IntVar(&most, "count", 0, "Number of connections; 0 means until it is ended.")
	_ = flags.Parse(arguments) // exits by itself on an error
	t := tally{map[string]int{}, "", map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}, nil}
	ticker, shown := time.NewTicker(interval), time.Now()
	defer ticker.Stop()
	for n := 1; ctx.Err() == nil && (most == 0 || n <= most); n++ {
		c.once(ctx, &t)
		if time.Since(shown) > 5*time.Second {
			shown = time.Now()
			t.print()
		}
		if n == most {
			break
		}
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
	t.print()
	return nil
}

func (t *tally) print() { _ = json.NewEncoder(os.Stdout).Encode(t) } // an error cannot be reported elsewhere

// once makes one connection and counts what happened.
func (c client) once(ctx context.Context, t *tally) {
	limited, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	a, state, err := c.get(limited)
	if ctx.Err() != nil {
		return // the client is ending
	}
	t.Last = outcome(err)
	t.Outcomes[t.Last]++
	if err != nil {
		t.Errors[err.Error()]++
		return
	}
	t.Instances[a.Instance]++
	t.Callers[a.Caller]++
	if state != nil {
		t.Serials[state.PeerCertificates[0].SerialNumber.Text(16)]++
		t.Names = state.PeerCertificates[0].DNSNames
	}
}

// errFiles is the error of a client whose own files are missing or do not match.
var errFiles = errors.New("the client's files")

// errStatus is the error of a client that the gateway refused after the handshake.
var errStatus = errors.New("refused by the gateway")

func (c client) get(ctx context.Context) (answer, *tls.ConnectionState, error) {
	var a answer
	config, err := c.config()
	if err != nil {
		return a, nil, errors.Join(errFiles, err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url, http.NoBody)
	if err != nil {
		return a, nil, err
	}
	if c.token != "" {
		token, err := os.ReadFile(c.token)
		if err != nil {
			return a, nil, errors.Join(errFiles, err)
		}
		r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	}
	transport := &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}
	response, err := (&http.Client{Transport: transport}).Do(r)
	if err != nil {
		return a, nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err == nil && response.StatusCode != http.StatusOK {
		err = errors.Join(errStatus, errors.New(response.Status))
	}
	if err != nil {
		return a, nil, err
	}
	return a, response.TLS, json.Unmarshal(body, &a)
}

// config returns the configuration for one connection. All of its files are from one version of the Secret, even if the kubelet
// replaces them meanwhile.
func (c client) config() (*tls.Config, error) {
	for {
		before := current(c.dir)
		config, err := load(before, c.name)
		if current(c.dir) == before {
			return config, err
		}
	}
}

// current returns the directory with the files of a mounted Secret. The kubelet replaces it when the Secret changes.
func current(dir string) string {
	if target, err := filepath.EvalSymlinks(filepath.Join(dir, "..data")); err == nil {
		return target
	}
	return dir
}

func load(dir, name string) (*tls.Config, error) {
	ca, err := os.ReadFile(filepath.Join(dir, "ca.crt"))
	if err != nil {
		return nil, err
	}
	config := &tls.Config{RootCAs: x509.NewCertPool(), ServerName: name, MinVersion: tls.VersionTLS12}
	if !config.RootCAs.AppendCertsFromPEM(ca) {
		return nil, errors.New("ca.crt has no certificate")
	}
	certificate, err := tls.LoadX509KeyPair(filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key"))
	if errors.Is(err, os.ErrNotExist) {
		return config, nil
	}
	config.Certificates = []tls.Certificate{certificate}
	return config, err
}

// outcome returns the name of a connection's result.
func outcome(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, errFiles):
		return "files"
	case errors.Is(err, errStatus):
		return "denied"
	case errors.As(err, new(*tls.CertificateVerificationError)), strings.Contains(err.Error(), "remote error: tls:"):
		return "certificate"
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return "refused" // kube-proxy and NetworkPolicies refuse by other errors than a host on which nothing listens
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "aborted" // the gateway ended
	case errors.As(err, new(*net.DNSError)):
		return "name"
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return "timeout"
	}
	return "other"
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}
