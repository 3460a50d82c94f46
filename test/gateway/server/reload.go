package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/ambient-code/gatewaytenant-operator/test/gateway"
)

// reloader serves the newest certificate, key and client CA that could be read.
type reloader struct {
	files    *gateway.TLS
	required bool // clients need a certificate
	seen     []byte
	current  atomic.Pointer[tls.Config]
}

func newReloader(files *gateway.TLS, required bool) (*reloader, error) {
	r := &reloader{files: files, required: required}
	r.seen = r.contents()
	config, err := files.Load(os.ReadFile, required)
	r.current.Store(config)
	return r, err
}

// config returns a configuration that uses the newest files for each connection.
func (r *reloader) config() *tls.Config {
	config := r.current.Load().Clone()
	config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return r.current.Load(), nil }
	return config
}

// watch looks at the files every second. If they do not match, the previous ones stay in use.
func (r *reloader) watch(ctx context.Context) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		contents := r.contents()
		if bytes.Equal(contents, r.seen) {
			continue
		}
		r.seen = contents
		config, err := r.files.Load(os.ReadFile, r.required)
		if err != nil {
			logError(fmt.Sprintf("TLS certificate reload failed, keeping the previous configuration \x1b[3merror\x1b[0m\x1b[2m=\x1b[0m%v", err))
			continue
		}
		r.current.Store(config)
		logInfo("TLS certificates reloaded")
	}
}

// contents returns all of the files in one.
func (r *reloader) contents() []byte {
	all := []byte{}
	for _, path := range []string{r.files.CertPath, r.files.KeyPath, r.files.ClientCAPath, r.files.ExternalCertPath, r.files.ExternalKeyPath} {
		text, err := os.ReadFile(path)
		all = fmt.Appendf(all, "%s\n%v\n%s", path, err, text)
	}
	return all
}
