package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

const account = "/var/run/secrets/kubernetes.io/serviceaccount/"

// cluster is the API server as the ServiceAccount of the gateway's pod reaches it.
type cluster struct {
	url, namespace string
	tokenFile      string // changes while the pod runs
	client         *http.Client
}

// inCluster returns the API server. It is nil if the program does not run in a pod.
func inCluster() (*cluster, error) {
	host := os.Getenv("KUBERNETES_SERVICE_HOST")
	if host == "" {
		return nil, nil
	}
	namespace, err := os.ReadFile(account + "namespace")
	ca, err2 := os.ReadFile(account + "ca.crt")
	if err := errors.Join(err, err2); err != nil {
		return nil, fmt.Errorf("execution error: failed to create compute runtime: %w", err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	return &cluster{
		url: "https://" + net.JoinHostPort(host, os.Getenv("KUBERNETES_SERVICE_PORT")), namespace: string(namespace), tokenFile: account + "token",
		client: &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}, Timeout: 10 * time.Second},
	}, nil
}

// statusError is the status of an answer that reports an error.
type statusError int

func (e statusError) Error() string { return fmt.Sprintf("HTTP status %d", int(e)) }

// call sends a request and decodes the object that is the answer. Without a body, it is a GET.
func (c *cluster) call(ctx context.Context, path string, body, into any) error {
	method, sent := http.MethodGet, []byte(nil)
	if body != nil {
		method = http.MethodPost
		sent, _ = json.Marshal(body) // strings: cannot fail
	}
	r, err := http.NewRequestWithContext(ctx, method, c.url+path, bytes.NewReader(sent))
	if err != nil {
		return err
	}
	token, err := os.ReadFile(c.tokenFile)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+string(token))
	r.Header.Set("Content-Type", "application/json")
	response, err := c.client.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err == nil && response.StatusCode >= http.StatusBadRequest {
		err = statusError(response.StatusCode)
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// callSandboxes gets a path below the Sandboxes of the namespace, in the newest version that the API server has.
func (c *cluster) callSandboxes(ctx context.Context, path string, into any) error {
	get := func(version string) error {
		return c.call(ctx, "/apis/agents.x-k8s.io/"+version+"/namespaces/"+c.namespace+"/sandboxes"+path, nil, into)
	}
	err := get("v1beta1")
	if errors.Is(err, statusError(http.StatusNotFound)) {
		return get("v1alpha1")
	}
	return err
}

// listSandboxes lists the Sandboxes of the namespace. A gateway does not start if it cannot.
func (c *cluster) listSandboxes(ctx context.Context) error {
	const failed = "execution error: failed to create compute runtime: gateway id backfill: "
	err := c.callSandboxes(ctx, "?limit=1", &struct{}{})
	switch {
	case errors.Is(err, statusError(http.StatusNotFound)):
		return errors.New(failed + "the server could not find the requested resource (sandboxes.agents.x-k8s.io)")
	case err != nil:
		return fmt.Errorf(failed+"listing sandboxes: %w", err)
	}
	return nil
}

// object is what the gateway reads of a pod or Sandbox.
type object struct {
	Metadata struct {
		UID    string            `json:"uid"`
		Labels map[string]string `json:"labels"`
		Owners []struct {
			Kind, Name, UID string
		} `json:"ownerReferences"`
	} `json:"metadata"`
}

// sandboxOf returns the ID of the sandbox to whose supervisor a projected token belongs. The token must be for the audience of gateways
// and of a pod that exists, with the given ServiceAccount. The pod must belong to a Sandbox that exists.
func (c *cluster) sandboxOf(ctx context.Context, token, serviceAccount string) (string, error) {
	if c == nil {
		return "", errors.New("the gateway does not run in a cluster")
	}
	pod, podUID, err := c.review(ctx, token, serviceAccount)
	if err != nil {
		return "", err
	}
	var supervisor, sandbox object
	if err := c.call(ctx, "/api/v1/namespaces/"+c.namespace+"/pods/"+pod, nil, &supervisor); err != nil {
		return "", fmt.Errorf("the pod %s of the token: %w", pod, err)
	}
	if supervisor.Metadata.UID != podUID {
		return "", fmt.Errorf("the token is of an earlier pod %s", pod)
	}
	for _, owner := range supervisor.Metadata.Owners {
		if owner.Kind != "Sandbox" {
			continue
		}
		if err := c.callSandboxes(ctx, "/"+owner.Name, &sandbox); err == nil && sandbox.Metadata.UID == owner.UID {
			return supervisor.Metadata.Labels["openshell.ai/sandbox-id"], nil
		}
	}
	return "", fmt.Errorf("the pod %s belongs to no Sandbox", pod)
}

// review returns the pod to which a token is bound.
func (c *cluster) review(ctx context.Context, token, serviceAccount string) (name, uid string, err error) {
	const audience = "openshell-gateway"
	type spec struct {
		Token     string   `json:"token"`
		Audiences []string `json:"audiences"`
	}
	var found struct {
		Status struct {
			Authenticated bool     `json:"authenticated"`
			Audiences     []string `json:"audiences"`
			User          struct {
				Username string              `json:"username"`
				Extra    map[string][]string `json:"extra"`
			} `json:"user"`
		} `json:"status"`
	}
	err = c.call(ctx, "/apis/authentication.k8s.io/v1/tokenreviews", map[string]spec{"spec": {token, []string{audience}}}, &found)
	if err != nil {
		return "", "", fmt.Errorf("the token cannot be reviewed: %w", err)
	}
	user := found.Status.User
	if !found.Status.Authenticated || len(found.Status.Audiences) == 0 {
		return "", "", errors.New("the token is not valid for the audience " + audience)
	}
	if want := strings.Join([]string{"system", "serviceaccount", c.namespace, serviceAccount}, ":"); user.Username != want {
		return "", "", fmt.Errorf("the token is of %s, not of %s", user.Username, want)
	}
	names, uids := user.Extra["authentication.kubernetes.io/pod-name"], user.Extra["authentication.kubernetes.io/pod-uid"]
	if len(names) != 1 || len(uids) != 1 {
		return "", "", errors.New("the token is not bound to a pod")
	}
	return names[0], uids[0], nil
}
