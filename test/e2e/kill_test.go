package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// withoutOperator stops the operator until the test ends.
func withoutOperator(t *testing.T) {
	t.Helper()
	operator.stop(t)
	t.Cleanup(func() {
		if err := operator.start(context.Background()); err != nil {
			t.Fatal(err)
		}
	})
}

// noSecretVanishes fails the test if, from now on, a Secret of the namespace is deleted.
func noSecretVanishes(t *testing.T, namespace string) {
	t.Helper()
	watching, err := client.NewWithWatch(cluster.Config(), client.Options{Scheme: admin.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	w, err := watching.Watch(t.Context(), &corev1.SecretList{}, client.InNamespace(namespace))
	if err != nil {
		t.Fatal(err)
	}
	inBackground(t, func(ctx context.Context) {
		defer w.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case event, open := <-w.ResultChan():
				if !open {
					return
				}
				if secret, ok := event.Object.(*corev1.Secret); ok && event.Type == watch.Deleted {
					t.Errorf("Secret %s was absent for a moment", secret.Name)
				}
			}
		}
	})
}

// change of a set of Secrets that certgen makes in more than one write, or in one.
var certgenRuns = []struct {
	what    string
	prepare func(t *testing.T, namespace string)
	args    []string // %d is the number of the run
	writes  int
}{
	{"nothing is there", deleteSecrets, nil, 4},
	{"a new name", nil, []string{"--server-san=n%d.example.com"}, 1},
	{"rotation of TLS", nil, []string{"--rotate-tls=%d"}, 2},
	{"rotation of tokens", nil, []string{"--rotate-tokens=%d"}, 1},
	{"rotation of the authority", nil, []string{"--rotate-ca=%d"}, 3},
	{"all rotations", nil, []string{"--rotate-tls=%d", "--rotate-ca=%d", "--rotate-tokens=%d"}, 4},
	{"a new name for Secrets made elsewhere", replaceByUpstreams, []string{"--server-san=n%d.example.com"}, 6},
}

// TestCertgenKilledAfterEachWrite kills it, looks, and lets the next run finish.
func TestCertgenKilledAfterEachWrite(t *testing.T) {
	t.Parallel()
	for _, c := range certgenRuns {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			for n := 1; n <= c.writes+1; n++ {
				t.Run(fmt.Sprint("after write ", n), func(t *testing.T) {
					namespace := fmt.Sprintf("killed-%d-%d", len(c.what), n)
					cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{})
					tenant := waitReady(t, namespace)
					change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { s.Suspend = true })
					waitCondition(t, namespace, v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonSuspended)
					if c.prepare != nil {
						c.prepare(t, namespace)
					}
					args := []string{
						"--namespace=" + namespace, "--owner-uid=" + string(tenant.UID), "--trust-delay=0s", "--termination-log=/dev/null",
						"--server-san=openshell-gateway." + namespace + ".svc", "--server-san=openshell-gateway." + namespace + ".svc.cluster.local",
					}
					for _, arg := range c.args {
						args = append(args, fmt.Sprintf(arg, n))
					}
					noSecretVanishes(t, namespace)
					if killed := runCertgen(t, namespace, n, args); killed != (n <= c.writes) {
						t.Errorf("killed: %v, and there should be %d writes", killed, c.writes)
					}
					bothSidesFit(t, namespace)
					if runCertgen(t, namespace, 1000, args) {
						t.Fatal("killed")
					}
					bothSidesFit(t, namespace)
					if seen := inspect(t, namespace, tenant); len(seen.Findings) > 0 {
						t.Errorf("after the next run: %v", seen.Findings)
					}
				})
			}
		})
	}
}

func runCertgen(t *testing.T, namespace string, after int, args []string) (killed bool) {
	t.Helper()
	k := newKiller(t, after)
	k.run(t.Context(), t, namespace, manifests.CertgenName, "certgen", args...)
	if killed = k.wait(); !killed && k.program.ProcessState.ExitCode() != 0 {
		t.Errorf("certgen ended with %s", k.program.ProcessState)
	}
	return killed
}

// inspect looks at a tenant's Secrets as the operator does.
func inspect(t *testing.T, namespace string, tenant *v1alpha1.GatewayTenant) certificates.Observed {
	t.Helper()
	return certificates.Inspect(present(t, namespace, true), certificates.Desired{Owner: tenant.UID}, time.Now()) // which names it carries, bothSidesFit finds out
}

// present are those of a tenant's Secrets that there are.
func present(t *testing.T, namespace string, stripped bool) map[string]*corev1.Secret {
	t.Helper()
	var list corev1.SecretList
	if err := admin.List(t.Context(), &list, client.InNamespace(namespace)); err != nil {
		t.Fatal(err)
	}
	secrets := map[string]*corev1.Secret{}
	for i := range list.Items {
		secret := &list.Items[i]
		if stripped {
			kept, err := certificates.Transform(secret)
			if err != nil {
				t.Fatal(err)
			}
			secret = kept.(*corev1.Secret)
		}
		secrets[secret.Name] = secret
	}
	return secrets
}

// bothSidesFit fails the test unless the gateway and its clients, as far as their Secrets are there, get on.
func bothSidesFit(t *testing.T, namespace string) {
	t.Helper()
	secrets := present(t, namespace, false)
	if secrets[manifests.ServerTLSName] == nil || secrets[manifests.ClientTLSName] == nil {
		return
	}
	certificate, roots, err := bundle(files(t, secrets[manifests.ClientTLSName]))
	if err != nil {
		t.Fatal(err)
	}
	if err := handshake(listen(t, namespace), hostOf(namespace), certificate, roots); err != nil {
		t.Errorf("the two sides do not get on: %v", err)
	}
}

func deleteSecrets(t *testing.T, namespace string) {
	t.Helper()
	if err := admin.DeleteAllOf(t.Context(), &corev1.Secret{}, client.InNamespace(namespace)); err != nil {
		t.Fatal(err)
	}
}

func replaceByUpstreams(t *testing.T, namespace string) {
	t.Helper()
	deleteSecrets(t, namespace)
	for _, secret := range upstreamSecrets(t, namespace) {
		cluster.Create(t, secret)
	}
}

// TestOperatorKilledAfterEachWrite kills the real program, and lets the next one finish.
func TestOperatorKilledAfterEachWrite(t *testing.T) {
	withoutOperator(t)
	running := make(chan struct{}, 2) // Programs that start need the processors for themselves.
	for _, c := range []struct {
		what   string
		change func(t *testing.T, namespace string) // of a tenant that is Ready; nil: it is new
		writes int
	}{
		{"new", nil, 15},
		{"name", func(t *testing.T, namespace string) {
			change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { s.ServerDNSNames = []string{"*.example.com"} })
		}, 6},
		{"rotations", func(t *testing.T, namespace string) {
			annotate(t, namespace, v1alpha1.AnnotationRotateCA, "1")
			annotate(t, namespace, v1alpha1.AnnotationRotateTokens, "1")
		}, 5},
		{"lost", func(t *testing.T, namespace string) {
			if err := admin.Delete(t.Context(), get(t, &corev1.Secret{}, namespace, manifests.ServerTLSName)); err != nil {
				t.Fatal(err)
			}
		}, 3},
	} {
		for n := 1; n <= c.writes; n++ {
			t.Run(fmt.Sprintf("%s, after write %d", c.what, n), func(t *testing.T) {
				t.Parallel()
				running <- struct{}{}
				defer func() { <-running }()
				namespace := fmt.Sprintf("operator-killed-%s-%d", c.what, n)
				cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{})
				if c.change != nil {
					runOperator(t, namespace, 1000)
					c.change(t, namespace)
				}
				noSecretVanishes(t, namespace)
				runOperator(t, namespace, n)
				runOperator(t, namespace, 1000)
				tenant := waitReady(t, namespace)
				if seen := inspect(t, namespace, tenant); len(seen.Findings) > 0 {
					t.Errorf("after the next run: %v", seen.Findings)
				}
				bothSidesFit(t, namespace)
			})
		}
	}
}

// waitSettled waits until a tenant is Ready and stays so: what was changed may leave it Ready for some time, and a pod that
// restarts then takes it back.
func waitSettled(t *testing.T, namespace string) {
	t.Helper()
	const calm = 3 * time.Second
	version, since := "", time.Time{}
	cluster.Eventually(t, 30*time.Second, func() error {
		if tenant := waitReady(t, namespace); tenant.ResourceVersion != version {
			version, since = tenant.ResourceVersion, time.Now()
		}
		if unchanged := time.Since(since); unchanged < calm {
			return fmt.Errorf("%s changed %s ago", namespace, unchanged)
		}
		return nil
	})
}

// managerArgs are the arguments of the operator's program for some namespaces, separated by commas.
func managerArgs(namespaces string) []string {
	return []string{
		"--platform-namespace=" + platformNamespace, "--watch-namespaces=" + namespaces, "--certgen-image=gatewaytenant-operator:latest",
		"--enable-bridge=false", "--metrics-bind-address=0", "--health-probe-bind-address=0", "--trust-delay=" + trustDelay.String(),
	}
}

// runOperator runs the operator's program for one namespace, until it is killed or the tenant is Ready.
func runOperator(t *testing.T, namespace string, after int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	k := newKiller(t, after)
	k.run(ctx, t, platformNamespace, "gatewaytenant-operator", "manager", managerArgs(namespace)...)
	ended := make(chan bool, 1)
	go func() { ended <- k.wait() }()
	if after >= 1000 {
		waitSettled(t, namespace)
		cancel()
	}
	select {
	case <-ended:
	case <-time.After(20 * time.Second): // it had fewer writes to do
		t.Logf("only %d of %d writes", after-k.left, after)
	}
	cancel()
}
