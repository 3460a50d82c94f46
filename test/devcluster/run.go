package devcluster

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// grace is what a process that was asked to end gets before it is killed.
const grace = 5 * time.Second

// startAll starts all processes and returns when the cluster is ready.
func (c *Cluster) startAll(ctx context.Context, first []string) error {
	if err := c.launchAndWait(ctx, Etcd, APIServer); err != nil {
		return err
	}
	for _, kustomization := range first {
		if _, err := c.Kubectl(ctx, "apply", "-k", kustomization); err != nil {
			return err
		}
	}
	// Only now: asking too early would cost each of the others a second's back-off.
	others := []string{ControllerManager, Scheduler}
	if c.state.RealNode == nil {
		others = append(others, Kwok, Containers)
	}
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error { return c.launchAndWait(groupCtx, others...) })
	group.Go(func() error { return c.createObjects(groupCtx) })
	if err := group.Wait(); err != nil {
		return err
	}
	return c.waitUsable(ctx)
}

// launchAndWait starts the named components at once and waits until each is ready.
func (c *Cluster) launchAndWait(ctx context.Context, names ...string) error {
	for _, name := range names {
		if err := c.launch(name); err != nil {
			return err
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, name := range names {
		group.Go(func() error { return c.waitReady(ctx, name) })
	}
	return group.Wait()
}

func (c *Cluster) launch(name string) error {
	component, err := c.state.find(name)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	process, err := launch(component, c.state, c.launcher)
	if err != nil {
		return err
	}
	c.state.Processes[name] = process
	return c.state.write()
}

// Stop ends the cluster's processes, and no others: etcd last, so that the others can finish what they are at. It
// returns when all are gone.
func (c *Cluster) Stop() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var errs []error
	for _, names := range [][]string{c.programs(), {Containers, Kwok, Scheduler, ControllerManager}, {APIServer}, {Etcd}} {
		errs = append(errs, c.end(grace, names...))
	}
	if c.launcher != nil {
		c.launcher.Close()
	}
	return errors.Join(errs...)
}

// Run starts a program beside the cluster, with a log of its own name: from the directory of the binaries, or from an
// absolute path. It ends before the cluster does. One of this name that runs already is ended first.
func (c *Cluster) Run(name, binary string, args ...string) error {
	return c.run(component{name: name, binary: binary, args: func(*state) []string { return args }})
}

// run does what Run says.
func (c *Cluster) run(program component) error {
	if _, err := c.state.find(program.name); err == nil {
		return fmt.Errorf("%s is a part of the cluster", program.name)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.end(grace, program.name); err != nil {
		return err
	}
	process, err := launch(program, c.state, c.launcher)
	if err != nil {
		return err
	}
	c.state.Processes[program.name] = process
	return c.state.write()
}

// Running tells whether the program or component of this name runs.
func (c *Cluster) Running(name string) bool { return c.process(name).running() }

// PID returns the process ID of the program or component of this name. It is 0 if it does not run.
func (c *Cluster) PID(name string) int {
	if process := c.process(name); process.running() {
		return process.PID
	}
	return 0
}

// Log is the path of the log of a program or component.
func (c *Cluster) Log(name string) string { return c.state.log(name) }

// AuditLog returns the path of the API server's audit log, which exists if Options had an AuditPolicy.
func (c *Cluster) AuditLog() string { return c.state.auditLog() }

// programs are what Run started.
func (c *Cluster) programs() []string {
	var names []string
	for name := range c.state.Processes {
		if _, err := c.state.find(name); err != nil {
			names = append(names, name)
		}
	}
	return names
}

// Kill ends one program or component the hard way and returns when it is gone.
func (c *Cluster) Kill(name string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, started := c.state.Processes[name]; !started {
		return fmt.Errorf("%s was not started", name)
	}
	return c.end(0, name)
}

// Restart starts one component again, with the ports and data that it had, and returns when it is ready. If it still
// runs, it is killed first.
func (c *Cluster) Restart(ctx context.Context, name string) error {
	if err := c.Kill(name); err != nil {
		return err
	}
	return c.launchAndWait(ctx, name)
}

// end ends the named components in parallel.
func (c *Cluster) end(grace time.Duration, names ...string) error {
	var group errgroup.Group
	for _, name := range names {
		process := c.state.Processes[name]
		group.Go(func() error {
			if err := process.end(grace); err != nil {
				return fmt.Errorf("ending %s: %w", name, err)
			}
			return nil
		})
	}
	return group.Wait()
}

func (c *Cluster) process(name string) identity {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state.Processes[name]
}

// Pause stops a program or component without ending it, so that it neither answers nor hangs up; Resume lets it go on.
func (c *Cluster) Pause(name string) error { return c.process(name).signal(syscall.SIGSTOP) }

// Resume lets a program or component go on that was paused.
func (c *Cluster) Resume(name string) error { return c.process(name).signal(syscall.SIGCONT) }

func (s *state) find(name string) (component, error) {
	for _, c := range s.components() {
		if c.name == name {
			return c, nil
		}
	}
	return component{}, fmt.Errorf("no component is called %q", name)
}
