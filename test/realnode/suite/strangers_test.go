//go:build linux

package suite

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	contract "github.com/ambient-code/gatewaytenant-operator/test/gateway"
)

// Statuses of gRPC.
const (
	grpcOK              = "0"
	grpcUnimplemented   = "12" // what the stand-in answers to a caller that it admits
	grpcUnauthenticated = "16"
)

// stranger is a client of the gateway of a tenant that has the CA's certificate and none of its own. It may have a token.
type stranger struct {
	gateway gateway
	token   string
}

// reply is the answer to a stranger.
type reply struct {
	Code int
	GRPC string // the status of an RPC
	Body string
}

// send sends a request and returns the answer. A content type makes it an RPC.
func (s stranger) send(t *testing.T, method, path, contentType string) (reply, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, "https://"+s.gateway.serverName()+path, bytes.NewReader(make([]byte, 5))) // an empty message
	if err != nil {
		return reply{}, err
	}
	r.Header.Set("Content-Type", contentType)
	if s.token != "" {
		r.Header.Set("Authorization", "Bearer "+s.token)
	}
	transport, err := s.gateway.transport(t, s.gateway.serverName())
	if err != nil {
		return reply{}, err
	}
	transport.TLSClientConfig.Certificates, transport.ForceAttemptHTTP2 = nil, true
	defer transport.CloseIdleConnections()
	response, err := transport.RoundTrip(r)
	if err != nil {
		return reply{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return reply{response.StatusCode, response.Header.Get("Grpc-Status") + response.Trailer.Get("Grpc-Status"), string(body)}, err
}

// call calls an RPC and returns its status and the message of the answer.
func (s stranger) call(t *testing.T, rpc string) (status, message string) {
	t.Helper()
	is, err := s.send(t, http.MethodPost, "/openshell.v1.OpenShell/"+rpc, "application/grpc")
	if err != nil {
		t.Fatal(err)
	}
	if len(is.Body) > 5 {
		message = is.Body[5:] // after the flag and the length
	}
	return is.GRPC, message
}

// shakeHands returns the error with which the gateway ends the connection after the handshake, or the deadline's.
func (s stranger) shakeHands(t *testing.T) error {
	t.Helper()
	transport, err := s.gateway.transport(t, s.gateway.serverName())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := transport.DialContext(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	transport.TLSClientConfig.Certificates = nil
	if err := conn.SetDeadline(time.Now().Add(2 * time.Second)); err != nil {
		t.Fatal(err)
	}
	_, err = tls.Client(conn, transport.TLSClientConfig).Read(make([]byte, 1))
	return err
}

// TestStrangersAreRefused does what TestReleases does with the default configuration of each release, with other configurations that decide
// who is a user.
func TestStrangersAreRefused(t *testing.T) {
	for _, c := range []struct {
		release, name, config string
		tokens                v1alpha1.SandboxTokens
	}{
		{newest, "allowed", "[openshell.gateway.auth]\nallow_unauthenticated_users = true\n", ""},
		{"0.1.3", "no-tokens", "", v1alpha1.SandboxTokensDisabled},
		{newest2, "forbidden", "[openshell.gateway.auth]\nallow_unauthenticated_users = false\n[openshell.gateway.mtls_auth]\nenabled = true\n", ""},
	} {
		t.Run(c.release, func(t *testing.T) {
			t.Parallel()
			g := gateway{"strangers-" + c.name}
			cluster.CreateTenant(t, g.namespace, v1alpha1.GatewayTenantSpec{Image: gatewayImage(c.release), Config: c.config, SandboxTokens: c.tokens})
			eventuallyReady(t, g.namespace)
			if caller := g.answer(t, "").Caller; caller != "administrator" {
				t.Errorf("a client with the certificate is %q", caller)
			}
			r, _ := contract.ParseRelease(c.release)
			checkStranger(t, g, r, c.tokens != v1alpha1.SandboxTokensDisabled)
		})
	}
}

// checkStranger checks what a client without a certificate and a token gets from a gateway without OIDC: no connection before 0.1.3, and
// then what is public.
func checkStranger(t *testing.T, g gateway, r contract.Release, hasKeys bool) {
	t.Helper()
	s := stranger{gateway: g}
	if r.DemandsCertificates() {
		if err := s.shakeHands(t); !strings.Contains(err.Error(), "certificate required") {
			t.Errorf("the connection of a stranger ends with %v, want a handshake that fails", err)
		}
		return
	}
	for _, request := range []string{"GET /", "GET /values/before", "PUT /values/before", "POST /tokens/a-sandbox", "GET /.well-known/other"} {
		method, path, _ := strings.Cut(request, " ")
		if is, err := s.send(t, method, path, ""); err != nil || is.Code != http.StatusUnauthorized {
			t.Errorf("to %s, a stranger gets %+v, %v", request, is, err)
		}
	}
	want := map[bool]int{true: http.StatusOK, false: http.StatusUnauthorized}[hasKeys]
	for _, path := range []string{"/.well-known/jwks.json", "/.well-known/openid-configuration"} {
		if is, err := s.send(t, http.MethodGet, path, ""); err != nil || is.Code != want {
			t.Errorf("to GET %s, a stranger gets %+v, %v", path, is, err)
		}
	}
	if status, message := s.call(t, "Health"); status != grpcOK || !strings.Contains(message, r.String()) {
		t.Errorf("to Health, a stranger gets the status %s, %q", status, message)
	}
	for _, rpc := range []string{"ListSandboxes", "GetCurrentUser", "IssueSandboxToken", "RefreshSandboxToken", "ConnectSupervisor", "PeerRelay"} {
		for what, token := range map[string]string{"no token": "", "a wrong token": "a.b.c"} {
			if status, message := (stranger{g, token}).call(t, rpc); status != grpcUnauthenticated {
				t.Errorf("to %s with %s, a stranger gets the status %s, %q", rpc, what, status, message)
			}
		}
	}
}

// checkSupervisor checks what a supervisor without a certificate gets for the tokens of its pod, and that other pods get nothing.
func checkSupervisor(t *testing.T, g gateway) {
	t.Helper()
	sandbox := &unstructured.Unstructured{}
	sandbox.SetGroupVersionKind(schema.GroupVersionKind{Group: "agents.x-k8s.io", Version: "v1alpha1", Kind: "Sandbox"})
	sandbox.SetNamespace(g.namespace)
	sandbox.SetName("default--a")
	cluster.Create(t, sandbox)
	owner := []metav1.OwnerReference{{APIVersion: "agents.x-k8s.io/v1alpha1", Kind: "Sandbox", Name: sandbox.GetName(), UID: sandbox.GetUID()}}
	own := boundToken(t, g.namespace, "os-supervisor-a", owner, gatewayAudience)
	for what, token := range map[string]string{
		"another audience":    boundToken(t, g.namespace, "os-supervisor-b", owner, "another"),
		"a pod without owner": boundToken(t, g.namespace, "other", nil, gatewayAudience),
	} {
		if status, _ := (stranger{g, token}).call(t, "IssueSandboxToken"); status != grpcUnauthenticated {
			t.Errorf("a token of %s is exchanged for that of a sandbox: status %s", what, status)
		}
	}
	if status, _ := (stranger{g, own}).call(t, "ListSandboxes"); status != grpcUnauthenticated {
		t.Errorf("with the token of its pod, a supervisor gets the status %s", status)
	}
	status, message := (stranger{g, own}).call(t, "IssueSandboxToken")
	if status != grpcOK || len(message) < 2 {
		t.Fatalf("a supervisor gets no token: status %s, %q", status, message)
	}
	_, size := binary.Uvarint([]byte(message[1:])) // the length of the field
	supervisor := stranger{g, message[1+size:]}
	if status, _ := supervisor.call(t, "ConnectSupervisor"); status != grpcUnimplemented {
		t.Errorf("with the token of its sandbox, a supervisor gets the status %s", status)
	}
	if is, err := supervisor.send(t, http.MethodGet, "/", ""); err != nil || !strings.Contains(is.Body, `"sandbox default--a-id"`) {
		t.Errorf("with the token of its sandbox, a supervisor gets %+v, %v", is, err)
	}
}

const gatewayAudience = "openshell-gateway"

// boundToken creates a pod of the sandboxes' ServiceAccount that is never scheduled, and returns a token that is bound to it, as a kubelet
// projects one into the pod.
func boundToken(t *testing.T, namespace, pod string, owners []metav1.OwnerReference, audience string) string {
	t.Helper()
	object := probe(namespace, pod, map[string]string{"openshell.ai/sandbox-id": "default--a-id"})
	object.OwnerReferences = owners
	object.Spec.ServiceAccountName = manifests.SandboxName
	object.Spec.SchedulingGates = []corev1.PodSchedulingGate{{Name: "openshell.ai/bootstrap"}}
	cluster.Create(t, object)
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{
		Audiences:      []string{audience},
		BoundObjectRef: &authenticationv1.BoundObjectReference{APIVersion: "v1", Kind: "Pod", Name: pod, UID: object.UID},
	}}
	account := get(t, &corev1.ServiceAccount{}, namespace, manifests.SandboxName)
	if err := admin.SubResource("token").Create(t.Context(), account, request); err != nil {
		t.Fatal(err)
	}
	return request.Status.Token
}
