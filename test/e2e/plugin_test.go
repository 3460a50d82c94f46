package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/plugin"
)

// kubectlGatewayTenant runs the plugin as make build leaves it, as the cluster's administrator unless --as says otherwise.
func kubectlGatewayTenant(t *testing.T, args ...string) (out string, code int) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "../../bin/kubectl-gatewaytenant", append([]string{"--kubeconfig=" + cluster.Kubeconfig()}, args...)...)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	err := command.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return stdout.String() + stderr.String(), exit.ExitCode()
	}
	if err != nil {
		t.Fatalf("%v; build it: make build", err)
	}
	return stdout.String(), 0
}

// planOf is what the plugin says that platform-config with these entries would do, and its exit code.
func planOf(t *testing.T, entries []string) (map[string]plugin.Outcome, int) {
	t.Helper()
	config := corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: metav1.ObjectMeta{Name: "platform-config", Namespace: platformNamespace},
		Data:       map[string]string{"namespaces": strings.Join(entries, "\n")},
	}
	text, err := yaml.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "platform-config.yaml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	out, code := kubectlGatewayTenant(t, "plan", "-f", file, "-o", "json")
	var plan plugin.Plan
	if err := json.Unmarshal([]byte(out), &plan); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	if len(plan.Notes) > 0 {
		t.Errorf("what the operator is told could not be read from its Deployment: %s", plan.Notes)
	}
	outcomes := map[string]plugin.Outcome{}
	for _, outcome := range plan.Tenants {
		if strings.HasPrefix(outcome.Namespace, "planned-") {
			outcomes[outcome.Namespace] = outcome
		}
	}
	return outcomes, code
}

// deployment makes the operator's Deployment as it is installed, but without a pod: the plugin reads in it what the
// operator is told.
func deployment(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile("../../config/manager/deployment.yaml")
	if err != nil {
		t.Fatal(err)
	}
	object, none := &appsv1.Deployment{}, int32(0)
	if err := yaml.UnmarshalStrict(text, object); err != nil {
		t.Fatal(err)
	}
	object.Spec.Replicas = &none
	create(t, object)
	t.Cleanup(func() { _ = admin.Delete(context.Background(), object) })
}

// TestPlanOfATenantWithoutANamespaceIsRefused: the API server would not take it either.
func TestPlanOfATenantWithoutANamespaceIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "gatewaytenant.yaml")
	text := "apiVersion: openshell.ambient-code.io/v1alpha1\nkind: GatewayTenant\nmetadata: {name: openshell-gateway, namespace: nowhere-at-all}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, code := kubectlGatewayTenant(t, "plan", "-f", file); code != plugin.ExitRefused || !strings.Contains(out, "the namespace does not exist") {
		t.Errorf("exit code %d, %s", code, out)
	}
}

// made is what a namespace has: whether there is a GatewayTenant, its pod, and what each object was last applied from.
type made struct {
	tenant, pod string
	applied     map[string]string
	server      string // the certificate that is served
}

func madeIn(t *testing.T, namespace string) made {
	t.Helper()
	is := made{applied: map[string]string{}}
	tenant := &v1alpha1.GatewayTenant{}
	if err := admin.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: v1alpha1.Name}, tenant); client.IgnoreNotFound(err) != nil {
		t.Fatal(err)
	}
	if is.tenant = string(tenant.UID); is.tenant == "" {
		return is
	}
	is.pod = string(podUID(t, namespace))
	is.server = string(get(t, &corev1.Secret{}, namespace, "openshell-server-tls").Data["tls.crt"])
	kinds := namespacedKinds()
	kinds["PersistentVolumeClaim"] = &corev1.PersistentVolumeClaimList{}
	for kind, list := range kinds {
		if err := admin.List(t.Context(), list, client.InNamespace(namespace)); err != nil {
			t.Fatal(err)
		}
		for _, object := range items(t, list) {
			if hash, ours := object.GetAnnotations()["openshell.ambient-code.io/applied-hash"]; ours && kind != "Job" && kind != "GatewayTenant" {
				is.applied[kind+" "+object.GetName()] = hash
			}
		}
	}
	return is
}

// TestPlanSaysWhatThenHappens makes one edit of platform-config of every kind, and holds the plan against what the
// operator then did: to pods, to certificates and to each object.
func TestPlanSaysWhatThenHappens(t *testing.T) {
	deployment(t)
	entries := map[string]string{}
	for _, what := range []string{"image", "toml", "names", "gone", "same", "new"} {
		namespace := "planned-" + what
		makeNamespace(t, namespace)
		entries[namespace] = entry(namespace)
	}
	later := maps.Clone(entries)
	delete(entries, "planned-new")
	platformConfig(t, slices.Collect(maps.Values(entries))...)
	before := map[string]made{"planned-new": {}}
	for namespace := range entries {
		waitReady(t, namespace)
	}
	settle(t)
	for namespace := range entries {
		before[namespace] = madeIn(t, namespace)
	}
	const set = "- {name: planned-%s, gateway: {serverDnsNames: [%s], %s}}"
	later["planned-image"] = fmt.Sprintf(set, "image", "gateway.planned-image.example.com", "image: 'ghcr.io/nvidia/openshell/gateway:0.0.72'")
	later["planned-toml"] = fmt.Sprintf(set, "toml", "gateway.planned-toml.example.com", "config: 'openshell.gateway.log_level = \"debug\"'")
	later["planned-names"] = fmt.Sprintf(set, "names", "other.example.com", "version: 0.0.71")
	delete(later, "planned-gone")
	edited := slices.Collect(maps.Values(later))

	plan, code := planOf(t, edited)
	if code != plugin.ExitRestarts {
		t.Errorf("the exit code is %d, want %d", code, plugin.ExitRestarts)
	}
	said := map[string]string{}
	for namespace, outcome := range plan {
		said[namespace] = fmt.Sprintf("%s; restart %q; renew %q", outcome.Action, outcome.Restart, outcome.Certificates)
	}
	if diff := cmp.Diff(map[string]string{
		"planned-image": `changed; restart ["gateway.toml changes: openshell.drivers.kubernetes.supervisor_image" "the image changes from ghcr.io/nvidia/openshell/gateway:0.0.71 to ghcr.io/nvidia/openshell/gateway:0.0.72"]; renew []`,
		"planned-toml":  `changed; restart ["gateway.toml changes: openshell.gateway.log_level"]; renew []`,
		"planned-names": `changed; restart []; renew ["Secret openshell-server-tls lacks other.example.com"]`,
		"planned-gone":  `removed; restart []; renew []`,
		"planned-new":   `made; restart []; renew []`,
		"planned-same":  `unchanged; restart []; renew []`,
	}, said); diff != "" {
		t.Fatal(diff)
	}

	platformConfig(t, edited...)
	waitGone(t, &v1alpha1.GatewayTenant{}, "planned-gone", v1alpha1.Name)
	waitGone(t, &appsv1.StatefulSet{}, "planned-gone", v1alpha1.Name)
	eventually(t, 15*time.Second, func() error {
		if get(t, &v1alpha1.GatewayTenant{}, "planned-image", v1alpha1.Name).Spec.Image == "" {
			return errStill
		}
		return nil
	})
	serves(t, "planned-names", "other.example.com")
	for namespace := range later {
		waitReady(t, namespace)
	}
	settle(t)
	for namespace, outcome := range plan {
		was, is := before[namespace], madeIn(t, namespace)
		happened := plugin.Outcome{Action: plugin.Unchanged}
		var changed []string
		for object, hash := range is.applied {
			if was.applied[object] != hash {
				changed = append(changed, object)
			}
		}
		switch {
		case was.tenant == "" && is.tenant != "":
			happened.Action = plugin.Made
		case was.tenant != "" && is.tenant == "":
			happened.Action = plugin.Removed
		case len(changed) > 0 || was.server != is.server:
			happened.Action = plugin.Changed
		}
		if happened.Action != outcome.Action {
			t.Errorf("%s: %s, and it was to be %s", namespace, happened.Action, outcome.Action)
		}
		if outcome.Action == plugin.Made || outcome.Action == plugin.Removed {
			continue
		}
		if restarted := was.pod != is.pod; restarted != (len(outcome.Restart) > 0) {
			t.Errorf("%s: the pod was %s and is %s, and the plan was to restart it for %q", namespace, was.pod, is.pod, outcome.Restart)
		}
		if renewed := was.server != is.server; renewed != (len(outcome.Certificates) > 0) {
			t.Errorf("%s: the certificate was made anew: %v; planned: %q", namespace, renewed, outcome.Certificates)
		}
		var planned []string
		for _, change := range outcome.Objects {
			planned = append(planned, change.Kind+" "+change.Name)
		}
		if diff := cmp.Diff(slices.Sorted(slices.Values(changed)), slices.Sorted(slices.Values(planned))); diff != "" {
			t.Errorf("%s: objects that changed (-) and that were to (+):\n%s", namespace, diff)
		}
	}
	if plan, code := planOf(t, edited); code != plugin.ExitUnchanged {
		t.Errorf("what was applied is planned again, with exit code %d: %+v", code, plan)
	}
	platformConfig(t)
	for namespace := range later {
		waitGone(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name)
	}
}

// TestValidateAgreesWithTheOperator gives the same specs to the plugin, without a cluster, and to the cluster.
func TestValidateAgreesWithTheOperator(t *testing.T) {
	const namespace = "validated"
	makeTenant(t, namespace, v1alpha1.GatewayTenantSpec{})
	for _, spec := range []string{
		"{}",
		"{image: 'ghcr.io/nvidia/openshell/gateway:0.0.75', serverDnsNames: ['*.example.com', 192.0.2.1]}",
		"{image: 'docker.io/evil/gateway:0.0.71'}",
		"{image: 'ghcr.io/nvidia/openshell/gateway:dev'}",
		"{image: 'ghcr.io/nvidia/openshell/gateway:0.0.71', version: 0.0.72}",
		"{config: 'openshell.gateway.log_level = \"debug\"'}",
		"{config: 'openshell.gateway.colour = \"blue\"'}",
		"{config: 'openshell.gateway.bind_address = \"127.0.0.1:1\"'}",
		"{serverDnsNames: [Upper.example.com]}",
		"{sandboxTokens: Perhaps}",
		"{storage: {size: big}}",
		"{version: '10.71'}",
		"{imag: x}",
		"{suspend: 'yes'}",
	} {
		text := fmt.Sprintf("apiVersion: openshell.ambient-code.io/v1alpha1\nkind: GatewayTenant\nmetadata: {name: openshell-gateway, namespace: %s}\nspec: %s\n", namespace, spec)
		file := filepath.Join(t.TempDir(), "gatewaytenant.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		out, code := kubectlGatewayTenant(t, "validate", "-f", file)
		message, accepted := "", false
		if _, err := cluster.Kubectl(t.Context(), "apply", "--server-side", "--force-conflicts", "--validate=strict", "-f", file); err != nil {
			message = err.Error()
		} else {
			message, accepted = verdict(t, namespace)
		}
		if accepted != (code == 0) {
			t.Errorf("%s: accepted by the cluster: %v (%s); the plugin ends with %d and says %s", spec, accepted, message, code, out)
		}
		if meta.IsStatusConditionFalse(get(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name).Status.Conditions, v1alpha1.ConditionAccepted) && !accepted && !strings.Contains(message, "is invalid") &&
			!strings.Contains(message, "kubectl") && !strings.Contains(out, message) {
			t.Errorf("%s: the operator says %q, and the plugin %s", spec, message, out)
		}
	}
}

// verdict is what the operator says of the present spec.
func verdict(t *testing.T, namespace string) (message string, accepted bool) {
	t.Helper()
	eventually(t, 15*time.Second, func() error {
		tenant := get(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name)
		is := meta.FindStatusCondition(tenant.Status.Conditions, v1alpha1.ConditionAccepted)
		if is == nil || is.ObservedGeneration != tenant.Generation {
			return errStill
		}
		message, accepted = is.Message, is.Status == metav1.ConditionTrue
		return nil
	})
	return message, accepted
}

// TestOrdinaryUsersOperateTheirGateway: the rights on GatewayTenants and on one Secret are enough.
func TestOrdinaryUsersOperateTheirGateway(t *testing.T) {
	const namespace, user = "operated", "somebody"
	makeTenant(t, namespace, v1alpha1.GatewayTenantSpec{})
	waitReady(t, namespace)
	as := func(args ...string) (string, int) {
		return kubectlGatewayTenant(t, append([]string{"--as=" + user, "-n", namespace}, args...)...)
	}
	bind := func(kind, name string) {
		create(t, &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: "somebody-" + name, Namespace: namespace},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: kind, Name: name},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
		})
	}
	succeeds := func(words string, args ...string) {
		t.Helper()
		eventually(t, 5*time.Second, func() error { // the authorizer reads from a cache
			if out, code := as(args...); code != 0 || !strings.Contains(out, words) {
				return fmt.Errorf("%v: exit code %d, %s; want %q", args, code, out, words)
			}
			return nil
		})
	}
	if out, code := as("status"); code != 1 || !strings.Contains(out, "forbidden") {
		t.Fatalf("without any right: exit code %d, %s", code, out)
	}
	bind("ClusterRole", "gatewaytenant-admin")
	succeeds("Ready: the gateway serves", "status")
	succeeds("unseen  Secret openshell-server-tls", "status")

	succeeds("nobody notices", "rotate", "tls", "--value=first")
	eventually(t, 15*time.Second, func() error {
		if rotated := get(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name).Status.Rotated; rotated == nil || rotated.TLS != "first" {
			return fmt.Errorf("rotated is %+v", rotated)
		}
		return nil
	})
	if out, code := as("rotate", "tls", "--value=first"); code != 1 || !strings.Contains(out, "asked for already") {
		t.Errorf("the same value again: exit code %d, %s", code, out)
	}
	succeeds("is suspended", "suspend")
	waitCondition(t, namespace, v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonSuspended)
	succeeds("is looked after", "resume")
	waitReady(t, namespace)

	dir := filepath.Join(t.TempDir(), "bundle")
	if out, code := as("connect", "--dir", dir); code != 1 || !strings.Contains(out, "may not read it") {
		t.Errorf("without the right to read the Secret: exit code %d, %s", code, out)
	}
	create(t, &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Name: "client", Namespace: namespace},
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"secrets"}, ResourceNames: []string{"openshell-client-tls"}, Verbs: []string{"get"}}},
	})
	bind("Role", "client")
	succeeds("port-forward -n operated service/openshell-gateway 8080:8080", "connect", "--dir", dir)
	bundleOpens(t, dir, get(t, &corev1.Secret{}, namespace, "openshell-server-tls"))
}

// bundleOpens fails the test unless a client with the bundle and the gateway trust each other.
func bundleOpens(t *testing.T, dir string, server *corev1.Secret) {
	t.Helper()
	for _, name := range []string{"ca.crt", "tls.crt", "tls.key"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key"))
	if err != nil {
		t.Fatal(err)
	}
	authorities, err := os.ReadFile(filepath.Join(dir, "ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	clientTrusts, serverTrusts := x509.NewCertPool(), x509.NewCertPool()
	if !clientTrusts.AppendCertsFromPEM(authorities) || !serverTrusts.AppendCertsFromPEM(server.Data["ca.crt"]) {
		t.Fatal("an authority cannot be read")
	}
	if _, err := pair.Leaf.Verify(x509.VerifyOptions{Roots: serverTrusts, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
		t.Errorf("the gateway does not trust the client: %v", err)
	}
	block, _ := pem.Decode(server.Data["tls.crt"])
	shown, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := shown.Verify(x509.VerifyOptions{Roots: clientTrusts, DNSName: "localhost"}); err != nil {
		t.Errorf("the client does not trust the gateway: %v", err)
	}
}
