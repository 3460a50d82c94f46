package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/ambient-code/gatewaytenant-operator/test/devcluster"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

const operatorName = "operator" // of the process, and of its log

// process is the operator's, seen from here.
type process struct {
	cluster *devcluster.Cluster
	client  *http.Client
}

// startOperator starts the operator beside the cluster, with its own ServiceAccount's kubeconfig. It returns when the
// process answers, which is before its caches are filled.
func startOperator(ctx context.Context, l *leg, args ...string) (*process, error) {
	kubeconfig, socket := filepath.Join(l.cluster.Dir(), "operator.kubeconfig"), filepath.Join(l.cluster.Dir(), "operator.sock")
	if err := l.cluster.WriteKubeconfig(kubeconfig, l.account); err != nil {
		return nil, err
	}
	if err := os.RemoveAll(socket); err != nil {
		return nil, err
	}
	args = append([]string{"operator", "--kubeconfig=" + kubeconfig, "--socket=" + socket}, args...)
	own, err := os.Executable() // so that no other build of it is measured
	if err != nil {
		return nil, err
	}
	if err := l.cluster.Run(operatorName, own, args...); err != nil {
		return nil, err
	}
	p := &process{cluster: l.cluster, client: devcluster.UnixClient(socket)}
	return p, await(ctx, 30*time.Second, func() error {
		_, err := p.state(ctx, false)
		return err
	})
}

// get asks the operator's process.
func (p *process) get(ctx context.Context, path string) ([]byte, error) {
	text, err := fetch(ctx, p.client, "http://operator"+path)
	if err != nil && !p.cluster.Running(operatorName) {
		err = fmt.Errorf("the operator has ended, see %s: %w", p.cluster.Log(operatorName), err)
	}
	return text, err
}

// fetch gets a page.
func fetch(ctx context.Context, client *http.Client, url string) ([]byte, error) {
	return devcluster.Request(ctx, client, http.MethodGet, url)
}

// state asks the process for its state; with collect, after a garbage collection.
func (p *process) state(ctx context.Context, collect bool) (state, error) {
	path, is := "/state", state{}
	if collect {
		path += "?collect"
	}
	text, err := p.get(ctx, path)
	if err != nil {
		return is, err
	}
	return is, json.Unmarshal(text, &is)
}

// captured are the writes to the tenant that it was told to capture.
func (p *process) captured(ctx context.Context) ([]sent, error) {
	var all []sent
	text, err := p.get(ctx, "/captured")
	if err != nil {
		return nil, err
	}
	return all, json.Unmarshal(text, &all)
}

// stop ends the operator gracefully: it gives up its lease.
func (p *process) stop(ctx context.Context) error {
	if _, err := p.get(ctx, "/stop"); err != nil {
		return err
	}
	return await(ctx, 30*time.Second, func() error {
		if p.cluster.Running(operatorName) {
			return fmt.Errorf("the operator still runs 30 s after it was asked to end; see %s", p.cluster.Log(operatorName))
		}
		return nil
	})
}

// whileRunning returns a context that ends when the operator does, or done is called.
func (p *process) whileRunning(ctx context.Context) (running context.Context, done func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		for p.cluster.Running(operatorName) {
			if operatortest.Pause(ctx, time.Second) != nil {
				return
			}
		}
		cancel(fmt.Errorf("the operator has ended, see %s", p.cluster.Log(operatorName)))
	}()
	return ctx, func() { cancel(nil) }
}

// elected waits until the operator leads, and says since when.
func (p *process) elected(ctx context.Context) (at time.Time, err error) {
	return at, await(ctx, 60*time.Second, func() error {
		is, err := p.state(ctx, false)
		if at = is.Elected; err == nil && at.IsZero() {
			err = fmt.Errorf("the operator is not the leader; see %s", p.cluster.Log(operatorName))
		}
		return err
	})
}

// quiet waits until no tenant waits for a reconcile, and at least so many reconciles have ended. To gather a thousand tenants' metrics
// takes the operator a while, which is not to be measured: it is not asked often.
func (p *process) quiet(ctx context.Context, limit time.Duration, reconciles int) (is state, err error) {
	return is, operatortest.Poll(ctx, 100*time.Millisecond, limit, func() error {
		is, err = p.state(ctx, false)
		if err == nil && (is.Queued > 0 || is.Reconciles < reconciles) {
			err = fmt.Errorf("%d of %d reconciles have ended and %d tenants wait for one", is.Reconciles, reconciles, is.Queued)
		}
		return err
	})
}
