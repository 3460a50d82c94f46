package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

// fault is how a gateway fails, as the variable GATEWAY_FAULT names it:
//
//	crash=MESSAGE       it ends at its start with this error
//	crash-after=5s      it ends that long after its start
//	hang-after=5s       it accepts connections and answers none
//	allocate            it allocates memory until it is killed, and is not ready before
//	never-ready         /readyz answers 503 forever
type fault struct {
	kind, message string
	after         time.Duration
	hangs         atomic.Bool
}

func parseFault(text string) (*fault, error) {
	kind, value, _ := strings.Cut(text, "=")
	f := &fault{kind: kind, message: value}
	switch kind {
	case "", "crash", "allocate", "never-ready":
		return f, nil
	case "crash-after", "hang-after":
		var err error
		f.after, err = time.ParseDuration(value)
		return f, err
	}
	return f, fmt.Errorf("unknown GATEWAY_FAULT %q", text)
}

// begin starts the fault, and returns the error of a gateway that ends at its start.
func (f *fault) begin() error {
	switch f.kind {
	case "crash":
		return errors.New(f.message)
	case "crash-after":
		time.AfterFunc(f.after, func() {
			logError("the gateway ends, as GATEWAY_FAULT requests")
			os.Exit(1)
		})
	case "hang-after":
		time.AfterFunc(f.after, func() { f.hangs.Store(true) })
	case "allocate":
		go allocate()
	}
	return nil
}

// neverReady reports whether /readyz always answers 503.
func (f *fault) neverReady() bool { return f.kind == "never-ready" || f.kind == "allocate" }

// allocate takes 16 MiB of memory every 50 ms and writes to all of it.
func allocate() {
	kept := [][]byte{}
	for range time.Tick(50 * time.Millisecond) {
		block := make([]byte, 16<<20)
		for i := range block {
			block[i] = 1
		}
		kept = append(kept, block)
		if len(kept)%16 == 0 {
			logInfo(fmt.Sprintf("allocated %d MiB", 16*len(kept)))
		}
	}
}

// wrap returns a handler that never answers while the gateway hangs.
func (f *fault) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f.hangs.Load() {
			select {}
		}
		next.ServeHTTP(w, r)
	})
}
