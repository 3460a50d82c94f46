package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// gatewayIn creates a namespace in which gateways have the rights of releases from 0.1 on, and returns a client with the token of the
// gateway's ServiceAccount.
func gatewayIn(t *testing.T, namespace string) client.Client {
	t.Helper()
	cluster.CreateNamespace(t, namespace)
	meta := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: namespace, Name: name} }
	for _, account := range []string{manifests.GatewayName, manifests.SandboxName, manifests.CertgenName} {
		cluster.Create(t, &corev1.ServiceAccount{ObjectMeta: meta(account)})
	}
	text := strings.Repeat("# large\n", 16<<10)                                                            // The API server limits the cost of an expression.
	for _, secret := range append([]string{proxySecret, "os-supervisor-x"}, manifests.SecretNames[:]...) { // A tenant can name any.
		text += "proxy_auth_secret_name = '" + secret + "'\n"
	}
	config := map[string]string{manifests.ConfigKey: "", "gateway-v2.toml": text}
	managed := meta(manifests.ConfigName)
	managed.Labels = manifests.Labels()
	cluster.Create(t, &corev1.ConfigMap{ObjectMeta: managed, Data: config})
	cluster.Create(t, roleBinding(namespace, sandboxV2, "gatewaytenant-sandboxes-v2", manifests.GatewayName))
	gateway := as(t, namespace, manifests.GatewayName)
	cluster.Eventually(t, 10*time.Second, func() error { // until the API server heeds the binding
		return gateway.Create(t.Context(), supervisor(namespace, nil), client.DryRunAll)
	})
	pods, sandboxes := stolenPods(namespace), stolenSandboxes(t, namespace)
	for _, c := range append(stolenObjects(namespace), pods[0], pods[len(pods)-1], sandboxes[0], sandboxes[len(sandboxes)-1]) {
		denied(t, gateway, c) // until each policy is in effect
	}
	return gateway
}

// denied waits until a try is denied with its word, because a policy takes effect some time after it was created.
func denied(t *testing.T, c client.Client, p patchOf) {
	t.Helper()
	cluster.Eventually(t, 10*time.Second, func() error {
		if err := p.try(t.Context(), c); !apierrors.IsForbidden(err) && !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), p.word) {
			return fmt.Errorf("%w; want it denied with %q", err, p.word)
		}
		return nil
	})
}

// patch returns a JSON patch of one operation.
func patch(op, path, value string) string {
	return fmt.Sprintf(`[{"op":%q,"path":%q,"value":%s}]`, op, path, value)
}

// TestGatewayCreatesItsSandboxes: the policies admit all that OpenShell's driver for Kubernetes does, for sandboxes of 0.0.x and of 0.1.
func TestGatewayCreatesItsSandboxes(t *testing.T) {
	t.Parallel()
	const namespace = "gateways-sandboxes"
	gateway := gatewayIn(t, namespace)
	pods := []client.Object{
		&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "default--a", Labels: workloadTemplate().Labels}, Spec: workloadTemplate().Spec},
		supervisor(namespace, nil),
	}
	cluster.Create(t, pods[0]) // as the controller of agent-sandbox does
	for _, object := range []client.Object{
		sandbox(t, namespace, combinedTemplate(), nil),
		fence(namespace, "openshell-sandbox-workloads", "workload"),
		fence(namespace, "openshell-sandbox-supervisors", "supervisor"),
		sandbox(t, namespace, workloadTemplate(), nil),
		sandbox(t, namespace, combinedTemplate(), func(p *corev1.PodTemplateSpec) {
			for i := range 5000 {
				p.Spec.Containers[0].Env = append(p.Spec.Containers[0].Env, corev1.EnvVar{Name: fmt.Sprint("A", i), Value: "a"})
			}
		}),
		boundaryService(namespace, "os-boundary-"+sandboxID, nil),
		pods[1],
		supervisor(namespace, func(p *corev1.Pod) {
			p.Name, p.Spec.Volumes[1] = "os-supervisor-other", projectedSecret(manifests.ClientTLSName, "ca.crt")
		}),
		sandboxSecret(namespace, "os-sandbox-"+sandboxID+"-1", corev1.SecretTypeOpaque),
		sandboxSecret(namespace, "os-supervisor-"+sandboxID+"-1", corev1.SecretTypeOpaque),
		sandboxSecret(namespace, "os-pull-"+sandboxID+"-1-0", corev1.SecretTypeDockerConfigJson),
	} {
		if err := gateway.Create(t.Context(), object); client.IgnoreAlreadyExists(err) != nil {
			t.Errorf("creates %T %s: %v", object, object.GetName(), err)
		}
	}
	running := sandbox(t, namespace, combinedTemplate(), nil)
	for _, err := range []error{
		gateway.Patch(t.Context(), running, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"annotations":{"a":"b"}},"spec":{"replicas":1}}`))),
		gateway.Patch(t.Context(), pods[0], client.RawPatch(types.MergePatchType, []byte(`{"spec":{"schedulingGates":[]}}`)), client.DryRunAll),
		gateway.Patch(t.Context(), pods[1], client.RawPatch(types.MergePatchType, []byte(`{"spec":{"schedulingGates":[]}}`)), client.DryRunAll),
		gateway.Delete(t.Context(), pods[1]),
		gateway.Delete(t.Context(), sandboxSecret(namespace, "os-sandbox-"+sandboxID+"-1", "")),
		gateway.Delete(t.Context(), running),
	} {
		if err != nil {
			t.Error(err)
		}
	}
}

// TestStolenTokenOfAGateway gets its thief no further than to sandboxes: to no other pod, and to none of the gateway's keys.
func TestStolenTokenOfAGateway(t *testing.T) {
	t.Parallel()
	const namespace = "stolen-gateway"
	gateway := gatewayIn(t, namespace)
	existing := supervisor(namespace, func(p *corev1.Pod) { p.Name = "os-supervisor-existing" })
	certgens := anyPod(namespace, "certgen").(*corev1.Pod)
	certgens.Spec.SchedulingGates = existing.Spec.SchedulingGates
	written := sandbox(t, namespace, combinedTemplate(), nil)
	for _, object := range []client.Object{existing, certgens, sandboxSecret(namespace, manifests.CAName, corev1.SecretTypeOpaque), written} {
		cluster.Create(t, object)
	}
	tries := stolenPods(namespace)
	tries = append(tries, stolenSandboxes(t, namespace)...)
	tries = append(tries, stolenObjects(namespace)...)
	const image = "/spec/containers/0/image"
	for _, c := range append(tries, []patchOf{
		{"relabels another pod", certgens, patch("add", "/metadata/labels", `{"openshell.ai/managed-by":"openshell"}`), "only the pods of its sandboxes"},
		{"deletes another pod", certgens, "delete", "only the pods of its sandboxes"},
		{"lifts the gate of another pod", certgens, patch("replace", "/spec/schedulingGates", `[]`), "only the pods of its sandboxes"},
		{"relabels a supervisor", existing, patch("replace", "/metadata/labels/openshell.ai~1component", `"x"`), "changes no label"},
		{"gives a supervisor another owner", existing, patch("replace", "/metadata/ownerReferences/0/kind", `"Job"`), "changes no label"},
		{"changes the image of a supervisor", existing, patch("replace", image, `"x"`), "or container of a pod"},
		{"changes the template of a Sandbox", written, patch("replace", "/spec/podTemplate/spec/serviceAccountName", `"default"`), "runs as the ServiceAccount"},
		{"deletes the CA", sandboxSecret(namespace, manifests.CAName, ""), "delete", "only the Secrets of its sandboxes"},
		{"changes a Secret", sandboxSecret(namespace, manifests.CAName, ""), patch("add", "/data", `{}`), "cannot patch"},
	}...) {
		t.Run(c.what, func(t *testing.T) { denied(t, gateway, c) })
	}
	if err := gateway.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: manifests.CAName}, &corev1.Secret{}); !apierrors.IsForbidden(err) {
		t.Errorf("reads a Secret: %v", err)
	}
}

// stolenPods returns pods that a compromised gateway would create.
func stolenPods(namespace string) []patchOf {
	yes := true
	pod := func(what, word string, change func(*corev1.Pod)) patchOf {
		return patchOf{"a supervisor " + what, supervisor(namespace, change), "", word}
	}
	mounts := func(what, word string, volume corev1.Volume) patchOf {
		return pod("that mounts "+what, word, func(p *corev1.Pod) { p.Spec.Volumes = append(p.Spec.Volumes[:1], volume) })
	}
	first := func(p *corev1.Pod) *corev1.Container {
		p.Spec.InitContainers = []corev1.Container{{Name: "first", Image: "any:1", SecurityContext: hardened()}}
		return &p.Spec.InitContainers[0]
	}
	const types, ours, other = "volumes of the types", "only ca.crt of openshell-client-tls", "mount no other Secret"
	return []patchOf{
		pod("with another name", "creates only supervisors", func(p *corev1.Pod) { p.Name = "x" }),
		pod("without its label", "creates only supervisors", func(p *corev1.Pod) { delete(p.Labels, "openshell.ai/managed-by") }),
		pod("without its component", "creates only supervisors", func(p *corev1.Pod) { p.Labels["openshell.ai/component"] = "x" }),
		pod("without its role", "creates only supervisors", func(p *corev1.Pod) { p.Labels[boundaryRole] = "workload" }),
		pod("with the gateway's label", "by which the Service", func(p *corev1.Pod) { p.Labels["app.kubernetes.io/instance"] = manifests.GatewayName }),
		pod("of a Job", "no owner but its Sandbox", func(p *corev1.Pod) { p.OwnerReferences[0].Kind = "Job" }),
		pod("as certgen", "runs as the ServiceAccount", func(p *corev1.Pod) { p.Spec.ServiceAccountName = manifests.CertgenName }),
		pod("as the gateway", "runs as the ServiceAccount", func(p *corev1.Pod) { p.Spec.ServiceAccountName = manifests.GatewayName }),
		pod("with a token by default", "automountServiceAccountToken", func(p *corev1.Pod) { p.Spec.AutomountServiceAccountToken = nil }),
		pod("with a token", "automountServiceAccountToken", func(p *corev1.Pod) { p.Spec.AutomountServiceAccountToken = &yes }),
		mounts("a token for the API server", "audience", tokenVolume("")),
		mounts("a token for others", "audience", tokenVolume("https://kubernetes.default.svc")),
		pod("in the node's network", "no namespace", func(p *corev1.Pod) { p.Spec.HostNetwork = true }),
		pod("with the node's processes", "no namespace", func(p *corev1.Pod) { p.Spec.HostPID = true }),
		pod("with the node's memory", "no namespace", func(p *corev1.Pod) { p.Spec.HostIPC = true }),
		pod("on a port of the node", "no port of the node", func(p *corev1.Pod) { first(p).Ports = []corev1.ContainerPort{{ContainerPort: 1, HostPort: 10250}} }),
		pod("that is privileged", "not privileged", func(p *corev1.Pod) { first(p).SecurityContext = &corev1.SecurityContext{Privileged: &yes} }),
		pod("before all other pods", "no priority of the system", func(p *corev1.Pod) { p.Spec.PriorityClassName = "system-node-critical" }),
		pod("on a node of its choice", "the scheduler chooses its node", func(p *corev1.Pod) { p.Spec.NodeName, p.Spec.SchedulingGates = "node-1", nil }),
		pod("with a capability", "adds no capabilities", func(p *corev1.Pod) { first(p).SecurityContext.Capabilities.Add = []corev1.Capability{"SYS_ADMIN"} }),
		pod("with a Secret in a variable", "into its environment", func(p *corev1.Pod) { first(p).Env = []corev1.EnvVar{variable(manifests.CAName)} }),
		pod("with a Secret in its variables", "into its environment", func(p *corev1.Pod) { first(p).EnvFrom = []corev1.EnvFromSource{variables(manifests.CAName)} }),
		mounts("the node's files", types, hostVolume()),
		mounts("the gateway's volume", types, claimVolume(manifests.ClaimName)),
		mounts("a volume of another driver", types, csiVolume("secrets-store.csi.k8s.io")),
		mounts("the CA", ours, secretVolume(manifests.CAName)),
		mounts("the server's key", ours, secretVolume(manifests.ServerTLSName, "ca.crt")),
		mounts("the token keys", ours, secretVolume(manifests.TokenKeysName)),
		mounts("the client's key", ours, secretVolume(manifests.ClientTLSName)),
		mounts("the client's key by its name", ours, secretVolume(manifests.ClientTLSName, "ca.crt", "tls.key")),
		mounts("the projected client's key", ours, projectedSecret(manifests.ClientTLSName, "tls.key")),
		mounts("the projected CA", ours, projectedSecret(manifests.CAName, "ca.crt")),
		mounts("a Secret of another program", other, secretVolume("x")),
		mounts("a Secret whose name begins like the proxy's", other, secretVolume(proxySecret[:4])),
		mounts("the Secret of a sandbox", other, secretVolume("os-sandbox-x")),
	}
}

func variable(secret string) corev1.EnvVar {
	return corev1.EnvVar{Name: "X", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: secret}, Key: "x"}}}
}

func variables(secret string) corev1.EnvFromSource {
	return corev1.EnvFromSource{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: secret}}}
}

// stolenSandboxes returns Sandboxes that a compromised gateway would create.
func stolenSandboxes(t *testing.T, namespace string) []patchOf {
	t.Helper()
	yes := true
	of := func(what, word string, change func(*corev1.PodTemplateSpec)) patchOf {
		object := sandbox(t, namespace, combinedTemplate(), change)
		object.SetName("default--b")
		return patchOf{"a Sandbox " + what, object, "", word}
	}
	mounts := func(what, word string, volume corev1.Volume) patchOf {
		return of("that mounts "+what, word, func(p *corev1.PodTemplateSpec) { p.Spec.Volumes = []corev1.Volume{volume} })
	}
	const types, ours = "volumes of the types", "mounts only openshell-client-tls"
	unlabelled := of("without its label", "with the label openshell.ai/managed-by", nil)
	unlabelled.object.SetLabels(nil)
	empty := of("without a pod", "runs as the ServiceAccount", nil)
	delete(empty.object.(interface{ UnstructuredContent() map[string]any }).UnstructuredContent(), "spec")
	return []patchOf{
		unlabelled, empty,
		of("before all other pods", "no priority of the system", func(p *corev1.PodTemplateSpec) { p.Spec.PriorityClassName = "system-node-critical" }),
		of("on a node of its choice", "the scheduler chooses its node", func(p *corev1.PodTemplateSpec) { p.Spec.NodeName = "node-1" }),
		of("with the gateway's label", "by which the Service", func(p *corev1.PodTemplateSpec) {
			p.Labels = map[string]string{"app.kubernetes.io/instance": manifests.GatewayName}
		}),
		of("as certgen", "runs as the ServiceAccount", func(p *corev1.PodTemplateSpec) { p.Spec.ServiceAccountName = manifests.CertgenName }),
		of("as any", "runs as the ServiceAccount", func(p *corev1.PodTemplateSpec) { p.Spec.ServiceAccountName = "" }),
		of("with a token by default", "automountServiceAccountToken", func(p *corev1.PodTemplateSpec) { p.Spec.AutomountServiceAccountToken = nil }),
		mounts("a token for the API server", "audience", tokenVolume("")),
		of("in the node's network", "no namespace", func(p *corev1.PodTemplateSpec) { p.Spec.HostNetwork = true }),
		of("on a port of the node", "no port of the node", func(p *corev1.PodTemplateSpec) {
			p.Spec.Containers[0].Ports = []corev1.ContainerPort{{ContainerPort: 1, HostPort: 10250}}
		}),
		of("that is privileged", "not privileged", func(p *corev1.PodTemplateSpec) { p.Spec.InitContainers[0].SecurityContext.Privileged = &yes }),
		of("with a Secret in a variable", "into its environment", func(p *corev1.PodTemplateSpec) {
			p.Spec.Containers[0].Env = []corev1.EnvVar{variable(manifests.CAName)}
		}),
		of("with a Secret in its variables", "into its environment", func(p *corev1.PodTemplateSpec) {
			p.Spec.InitContainers[0].EnvFrom = []corev1.EnvFromSource{variables(manifests.CAName)}
		}),
		mounts("the node's files", types, hostVolume()),
		mounts("the gateway's volume", types, claimVolume(manifests.ClaimName)),
		mounts("the CA", ours, secretVolume(manifests.CAName)),
		mounts("the server's key", ours, secretVolume(manifests.ServerTLSName)),
		mounts("the token keys", ours, secretVolume(manifests.TokenKeysName, "signing.pem")),
		mounts("the Secret of a supervisor", ours, secretVolume("os-supervisor-x")),
		mounts("a projected Secret", "nothing projects a Secret", projectedSecret(manifests.ClientTLSName, "ca.crt")),
		mounts("a Secret of another program", "mount no other Secret", secretVolume("x")),
	}
}

// stolenObjects returns Secrets, Services and NetworkPolicies that a compromised gateway would create.
func stolenObjects(namespace string) []patchOf {
	const own = "only the Secrets of its sandboxes"
	service := func(what, name, word string, change func(*corev1.ServiceSpec)) patchOf {
		return patchOf{what, boundaryService(namespace, name, change), "", word}
	}
	return []patchOf{
		{"creates a CA", sandboxSecret(namespace, manifests.ServerTLSName, corev1.SecretTypeOpaque), "", own},
		{"creates a Secret with a prefix within its name", sandboxSecret(namespace, "my-os-sandbox-x", corev1.SecretTypeOpaque), "", own},
		{"creates a token of certgen", sandboxSecret(namespace, "os-sandbox-x", corev1.SecretTypeServiceAccountToken), "", "other Secrets of sandboxes have the type Opaque"},
		{"creates an untyped pull Secret", sandboxSecret(namespace, "os-pull-x", corev1.SecretTypeOpaque), "", "has the type kubernetes.io/dockerconfigjson"},
		service("creates another Service", "x", "only Services os-boundary-", nil),
		service("opens a port on all nodes", "os-boundary-x", "the type ClusterIP", func(s *corev1.ServiceSpec) { s.Type = corev1.ServiceTypeNodePort }),
		service("takes an address", "os-boundary-x", "no external IPs", func(s *corev1.ServiceSpec) { s.ExternalIPs = []string{"192.0.2.1"} }),
		{"creates another NetworkPolicy", fence(namespace, "x", "workload"), "", "only the NetworkPolicies openshell-sandbox-workloads"},
		{"opens all pods", fence(namespace, "openshell-sandbox-supervisors", ""), "", "selects pods by"},
		{"opens sandboxes", fence(namespace, "openshell-sandbox-supervisors", "workload"), "", "selects pods by"},
	}
}

// TestGatewayOfAnEarlierControlPlaneKeepsItsSandboxes: until it is adopted, it may run them as another ServiceAccount, and with other
// Secrets.
func TestGatewayOfAnEarlierControlPlaneKeepsItsSandboxes(t *testing.T) {
	t.Parallel()
	const namespace = "gateways-earlier"
	gateway := gatewayIn(t, namespace)
	template := combinedTemplate()
	template.Spec.ServiceAccountName, template.Spec.AutomountServiceAccountToken = "default", nil
	earlier := sandbox(t, namespace, template, nil)
	if err := gateway.Create(t.Context(), earlier, client.DryRunAll); !apierrors.IsInvalid(err) && !apierrors.IsForbidden(err) {
		t.Errorf("a gateway that the operator manages creates it: %v", err)
	}
	config := get(t, &corev1.ConfigMap{}, namespace, manifests.ConfigName)
	config.Labels[manifests.LabelManagedBy] = "agent-control-plane"
	if err := cluster.Client.Update(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	cluster.Eventually(t, 10*time.Second, func() error { return gateway.Create(t.Context(), earlier, client.DryRunAll) })
}
