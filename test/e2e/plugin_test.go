package e2e

import (
	"bytes"
	"context"
	"encoding/json"
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
	plan, code := planOfDocument(t, config)
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

// planOfDocument runs the plugin's plan on a file with one document, and returns the plan and the exit code.
func planOfDocument(t *testing.T, document any) (plan plugin.Plan, code int) {
	t.Helper()
	text, err := yaml.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "document.yaml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	out, code := kubectlGatewayTenant(t, "plan", "-f", file, "-o", "json")
	if err := json.Unmarshal([]byte(out), &plan); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	return plan, code
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
	cluster.Create(t, object)
	t.Cleanup(func() { _ = admin.Delete(context.Background(), object) })
}

// TestPlanOfATenantWithoutANamespaceIsRefused: the API server would not take it either.
func TestPlanOfATenantWithoutANamespaceIsRefused(t *testing.T) {
	t.Parallel()
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
		cluster.CreateNamespace(t, namespace)
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
	later["planned-image"] = fmt.Sprintf(set, "image", "gateway.planned-image.example.com", "image: 'ghcr.io/nvidia/openshell/gateway:0.0.110'")
	later["planned-toml"] = fmt.Sprintf(set, "toml", "gateway.planned-toml.example.com", "config: 'openshell.gateway.log_level = \"debug\"'")
	later["planned-names"] = fmt.Sprintf(set, "names", "other.example.com", "version: 0.0.111")
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
		"planned-image": `changed; restart ["the image changes from ghcr.io/nvidia/openshell/gateway:0.0.111 to ghcr.io/nvidia/openshell/gateway:0.0.110"]; renew []`,
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
	cluster.Eventually(t, 15*time.Second, func() error {
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
			if change.Kind == "Job" {
				continue // it is created for a certificate, and deleted when its time is over
			}
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
