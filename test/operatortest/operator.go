package operatortest

import (
	"context"
	"fmt"
	"time"

	"k8s.io/client-go/rest"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/operator"
	"github.com/ambient-code/gatewaytenant-operator/controllers/options"
	bridgeplan "github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/plan"
)

const (
	// Program is the name of the operator's binary, and of its process beside a cluster.
	Program = "manager"
	// CertgenImage is the image of certgen Jobs. The control plane runs bin/certgen for it.
	CertgenImage = "gatewaytenant-operator:latest"
	// PlatformConfig is the name of the ConfigMap with the entries.
	PlatformConfig = "platform-config"
)

// Options returns the options of an operator as config/default deploys it, without ports.
func Options() options.Options {
	return options.Options{
		PlatformNamespace:   PlatformNamespace,
		PlatformConfig:      PlatformConfig,
		EnableBridge:        true,
		Guard:               bridgeplan.DefaultGuard,
		CertgenImage:        CertgenImage,
		AllowedRepositories: []string{"ghcr.io/nvidia/"},
		Lifetimes:           certificates.DefaultLifetimes,
		LeaderElect:         true,
		Concurrency:         16,
		RolloutPercent:      10,
		MetricsAddress:      "0",
		ProbeAddress:        "0",
	}
}

// Operator is an operator that runs in this process.
type Operator struct {
	cancel  context.CancelFunc
	elected <-chan struct{}
	ended   chan struct{}
	err     error // valid once ended is closed
}

// StartOperator starts an operator whose clients use config. It runs until ctx ends or Stop is called.
func StartOperator(ctx context.Context, config *rest.Config, o options.Options) (*Operator, error) {
	manager, err := operator.NewManager(config, o)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	started := &Operator{cancel: cancel, elected: manager.Elected(), ended: make(chan struct{})}
	go func() {
		defer close(started.ended)
		started.err = manager.Start(ctx)
	}()
	return started, nil
}

// Elected returns a channel that is closed when the operator leads.
func (o *Operator) Elected() <-chan struct{} { return o.elected }

// WaitElected waits until the operator leads.
func (o *Operator) WaitElected(limit time.Duration) error {
	select {
	case <-o.elected:
		return nil
	case <-o.ended:
		return fmt.Errorf("%w: %w", ErrEnded, o.err)
	case <-time.After(limit):
		return fmt.Errorf("the operator did not become leader within %s", limit)
	}
}

// Cancel asks the operator to end, and does not wait for it.
func (o *Operator) Cancel() { o.cancel() }

// Ended returns a channel that is closed when the operator has ended.
func (o *Operator) Ended() <-chan struct{} { return o.ended }

// Wait waits until the operator has ended, and returns its error.
func (o *Operator) Wait() error {
	<-o.ended
	return o.err
}

// Stop ends the operator gracefully, and waits for it.
func (o *Operator) Stop() error {
	o.cancel()
	return o.Wait()
}
