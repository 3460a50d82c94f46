//go:build linux

package realnode

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/ambient-code/gatewaytenant-operator/test/devcluster"
)

// Dial connects to a TCP address, such as that of a pod, from the network of the node itself.
func (n *Node) Dial(ctx context.Context, address string) (net.Conn, error) {
	type result struct {
		conn net.Conn
		err  error
	}
	results := make(chan result, 1)
	go func() {
		conn, err := dial(n.dir, address)
		results <- result{conn, err}
	}()
	select {
	case r := <-results:
		return r.conn, r.err
	case <-ctx.Done():
		go func() {
			if r := <-results; r.err == nil {
				_ = r.conn.Close()
			}
		}()
		return nil, fmt.Errorf("connecting to %s: %w", address, context.Cause(ctx))
	}
}

// StopProgram kills a program of the node, such as devcluster.Kubelet, or a component of the control plane.
func (n *Node) StopProgram(ctx context.Context, name string) error {
	return n.control(ctx, http.MethodPost, "/stop/"+name)
}

// StartProgram starts a program or component again that StopProgram has stopped. For a component of the control plane it waits until it is ready.
func (n *Node) StartProgram(ctx context.Context, name string) error {
	return n.control(ctx, http.MethodPost, "/start/"+name)
}

// control sends a request to the control socket.
func (n *Node) control(ctx context.Context, method, path string) error {
	client := devcluster.UnixClient(n.path(socketFile))
	defer client.CloseIdleConnections()
	_, err := devcluster.Request(ctx, client, method, "http://realnode"+path)
	return err
}

// dial asks the control socket for a connection to an address of the node's network, by the method CONNECT of HTTP.
func dial(dir, address string) (net.Conn, error) {
	conn, err := net.Dial("unix", filepath.Join(dir, socketFile))
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", address, address) // If that fails, so does reading.
	// The node sends nothing after its answer until this side has sent something, or the server at the address has. So
	// bytes that the reader holds already belong to the connection.
	reader := bufio.NewReader(conn)
	reply, err := http.ReadResponse(reader, &http.Request{Method: http.MethodConnect, URL: &url.URL{Host: address}})
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	if reply.StatusCode != http.StatusOK {
		defer conn.Close()
		text, _ := io.ReadAll(io.LimitReader(reply.Body, 4096))
		return nil, fmt.Errorf("connecting to %s: %s", address, strings.TrimSpace(string(text)))
	}
	return tunnel{conn.(*net.UnixConn), reader}, nil
}

// tunnel is a connection of which a reader may have read some bytes already.
type tunnel struct {
	*net.UnixConn
	reader *bufio.Reader
}

func (t tunnel) Read(p []byte) (int, error) { return t.reader.Read(p) }

// controller starts and stops programs for the control socket.
type controller interface {
	stop(name string) error
	start(ctx context.Context, name string) error
}

// listenControl creates the control socket of a node.
func listenControl(dir string) (net.Listener, error) {
	return net.Listen("unix", filepath.Join(dir, socketFile))
}

// serveControl serves the control socket of a node.
func serveControl(listener net.Listener, c controller) error {
	answer := func(w http.ResponseWriter, err error) {
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ready", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("POST /stop/{name}", func(w http.ResponseWriter, r *http.Request) { answer(w, c.stop(r.PathValue("name"))) })
	mux.HandleFunc("POST /start/{name}", func(w http.ResponseWriter, r *http.Request) {
		answer(w, c.start(r.Context(), r.PathValue("name")))
	})
	server := http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodConnect {
			answer(w, connect(w, r))
			return
		}
		mux.ServeHTTP(w, r)
	})}
	return server.Serve(listener)
}

// connect connects the client of a request with the address that it names.
func connect(w http.ResponseWriter, r *http.Request) error {
	server, err := (&net.Dialer{Timeout: 10 * time.Second}).DialContext(r.Context(), "tcp", r.Host)
	if err != nil {
		return err
	}
	defer server.Close()
	client, buffered, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return err
	}
	defer client.Close()
	fmt.Fprintf(client, "HTTP/1.1 200 OK\r\n\r\n") // If that fails, so does copying.
	splice(tunnel{client.(*net.UnixConn), buffered.Reader}, server)
	return nil
}
