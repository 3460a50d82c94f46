package devcluster

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

const (
	patience = 2 * time.Minute // for one component, on a machine that compiles something at the same time
	interval = 20 * time.Millisecond
)

// waitReady waits until a component answers its probe. It fails at once if the process ends.
func (c *Cluster) waitReady(ctx context.Context, name string) error {
	component, err := c.state.find(name)
	if err != nil {
		return err
	}
	began := time.Now()
	client, err := c.probeClient()
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	url := component.probe(c.state)
	err = c.wait(ctx, name, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		_, err := Request(ctx, client, http.MethodGet, url)
		return err
	})
	if err == nil {
		fmt.Fprintf(c.progress, "%s is ready after %.1f s\n", name, time.Since(began).Seconds())
	}
	return err
}

// wait calls check until it returns nil. Meanwhile the named component must run; it is the one to blame.
func (c *Cluster) wait(ctx context.Context, name string, check func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		if !c.process(name).running() {
			return c.blame(name, errors.New("it has ended"))
		}
		select {
		case <-ctx.Done():
			return c.blame(name, fmt.Errorf("%w; at last: %w", context.Cause(ctx), err))
		case <-time.After(interval):
		}
	}
}

// blame adds to err what the component's log says.
func (c *Cluster) blame(name string, err error) error {
	log := c.state.log(name)
	return fmt.Errorf("%s is not ready: %w; the end of %s:\n%s", name, err, log, LastLines(log, 15))
}

// probeClient trusts the cluster's authority, as whose administrator it also comes.
func (c *Cluster) probeClient() (*http.Client, error) {
	pair, err := tls.X509KeyPair(c.admin.CertData, c.admin.KeyData)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(c.admin.CAData)
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{
		RootCAs: pool, Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12,
	}}}, nil
}

// waitUsable waits until pods can be created and run.
func (c *Cluster) waitUsable(ctx context.Context) error {
	clientset, err := kubernetes.NewForConfig(c.admin)
	if err != nil {
		return err
	}
	began := time.Now()
	if c.state.RealNode == nil {
		if err := c.wait(ctx, Kwok, func(ctx context.Context) error { return nodeReady(ctx, clientset) }); err != nil {
			return err
		}
	}
	err = c.wait(ctx, ControllerManager, func(ctx context.Context) error {
		_, err := clientset.CoreV1().ServiceAccounts(metav1.NamespaceDefault).Get(ctx, "default", metav1.GetOptions{})
		return err
	})
	if err == nil {
		fmt.Fprintf(c.progress, "the cluster is usable %.1f s later\n", time.Since(began).Seconds())
	}
	return err
}

func nodeReady(ctx context.Context, clientset kubernetes.Interface) error {
	node, err := clientset.CoreV1().Nodes().Get(ctx, NodeName, metav1.GetOptions{})
	if err != nil {
		return err
	}
	ready := slices.ContainsFunc(node.Status.Conditions, func(condition corev1.NodeCondition) bool {
		return condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue
	})
	if !ready || len(node.Spec.Taints) > 0 { // a new node is tainted until the controller manager has seen it ready
		return errors.New("the node is not ready")
	}
	return nil
}
