package devcluster

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// Request sends a request without a body and returns the body of the reply. A status other than 200 is an error, which
// quotes the body.
func Request(ctx context.Context, client *http.Client, method, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return nil, err
	}
	reply, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err == nil && reply.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %.4096s", url, reply.Status, strings.TrimSpace(string(text)))
	}
	return text, err
}

// UnixClient returns a client of the HTTP server that listens on a Unix socket. The host in a URL does not matter.
func UnixClient(socket string) *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}}
}
