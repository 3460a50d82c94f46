package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/client-go/rest"
)

// profile writes profiles of the operator and of the API server over the next ten seconds, in files whose names begin with
// when. What cannot be had is said; it is no reason to fail.
func (l *leg) profile(ctx context.Context, dir, when string, process *process) {
	if err := errors.Join(os.MkdirAll(dir, 0o750), l.takeProfiles(ctx, dir, when, process)); err != nil {
		say("  no profiles: %v", err)
	}
}

func (l *leg) takeProfiles(ctx context.Context, dir, when string, process *process) error {
	server, err := rest.HTTPClientFor(l.cluster.Config())
	if err != nil {
		return err
	}
	serverDone := make(chan error, 1)
	go func() {
		text, err := fetch(ctx, server, l.cluster.Config().Host+"/debug/pprof/profile?seconds=10")
		serverDone <- writeProfile(dir, when+"-api-server-cpu.pprof", text, err)
	}()
	text, err := process.get(ctx, "/debug/pprof/profile?seconds=10")
	errs := []error{writeProfile(dir, when+"-operator-cpu.pprof", text, err), <-serverDone}
	for _, name := range []string{"allocs", "mutex"} {
		text, err := process.get(ctx, "/debug/pprof/"+name)
		errs = append(errs, writeProfile(dir, when+"-operator-"+name+".pprof", text, err))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	say("  profiles are in %s", dir)
	return nil
}

// profileHeap writes what the operator holds when all is made.
func (p *process) profileHeap(ctx context.Context, dir string) error {
	text, err := p.get(ctx, "/debug/pprof/heap?gc=1")
	return writeProfile(dir, "operator-heap.pprof", text, err)
}

// writeProfile writes a profile, unless it could not be had.
func writeProfile(dir, name string, text []byte, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return os.WriteFile(filepath.Join(dir, name), text, 0o600)
}
