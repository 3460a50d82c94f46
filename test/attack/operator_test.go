package attack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// startOperator starts the operator as its Deployment says. If it runs already, it is stopped first, which gives up its
// lease.
func (p *place) startOperator(t *testing.T) {
	t.Helper()
	if err := p.cluster.RunDeployment(t.Context(), operatortest.Program, platformNamespace, operatortest.OperatorName, p.wrapper...); err != nil {
		t.Fatal(err)
	}
}

// stopOperator ends the operator, which gives up its lease, if it runs.
func (p *place) stopOperator(ctx context.Context) error {
	if pid := p.cluster.PID(operatortest.Program); pid != 0 {
		if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
			return err
		}
	}
	err := operatortest.Poll(ctx, 50*time.Millisecond, 10*time.Second, func() error {
		if p.cluster.Running(operatortest.Program) {
			return errors.New("the operator still runs")
		}
		return nil
	})
	if err != nil && ctx.Err() == nil {
		return p.cluster.Kill(operatortest.Program)
	}
	return err
}

// use is what the operator's process used in some time.
type use struct {
	peak  int64   // resident memory at its highest, in bytes
	cpu   float64 // seconds
	ended bool    // it did not survive
}

// meter measures the operator's process until stop is called or the process has ended.
type meter struct {
	p       *place
	began   float64
	stopped chan struct{}
	wait    sync.WaitGroup
	use     use // as of the last look
}

// measure starts to measure. The process may be one that has just been started, or has ended.
func (p *place) measure() *meter {
	m := &meter{p: p, stopped: make(chan struct{})}
	if pid := p.cluster.PID(operatortest.Program); pid != 0 {
		_ = os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0o600) // resets the peak; the process may have ended
		m.began, _ = cpuSeconds(pid)
	}
	m.wait.Go(func() {
		for m.look() {
			select {
			case <-m.stopped:
				m.look()
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
	return m
}

// look reads the process's figures, and reports whether it runs.
func (m *meter) look() bool {
	pid := m.p.cluster.PID(operatortest.Program)
	peak, errPeak := peakMemory(pid)
	cpu, errCPU := cpuSeconds(pid)
	if pid == 0 || errPeak != nil || errCPU != nil {
		m.use.ended = true
		return false
	}
	m.use.peak, m.use.cpu = max(m.use.peak, peak), cpu-m.began
	return true
}

// stop ends the measurement and returns its result.
func (m *meter) stop() use {
	close(m.stopped)
	m.wait.Wait()
	return m.use
}

// peakMemory returns the highest resident memory of a process since its start or since clear_refs was written.
func peakMemory(pid int) (bytes int64, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		var kib int64
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kib); err == nil {
			return kib << 10, nil
		}
	}
	return 0, fmt.Errorf("process %d has no resident memory", pid)
}

// cpuSeconds returns the CPU time that a process has used.
func cpuSeconds(pid int) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	var user, system float64 // in hundredths of a second
	if len(fields) < 13 {
		return 0, fmt.Errorf("process %d: no times in %q", pid, text)
	}
	if _, err := fmt.Sscan(fields[11]+" "+fields[12], &user, &system); err != nil {
		return 0, err
	}
	return (user + system) / 100, nil
}

// whileRunning returns a context that ends when the operator does.
func (p *place) whileRunning(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer cancel()
		for ctx.Err() == nil && p.cluster.Running(operatortest.Program) {
			select {
			case <-ctx.Done():
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	return ctx, cancel
}
