package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/test/audit"
	"github.com/ambient-code/gatewaytenant-operator/test/devcluster"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

const (
	platformNamespace = "gatewaytenant-system"
	account           = "gatewaytenant-operator" // the operator's ServiceAccount, and the name of its lease
)

// leg is one fresh control plane, in which either the operator or the floor is measured.
type leg struct {
	cluster *devcluster.Cluster
	admin   client.WithWatch
	account *rest.Config // of the operator's ServiceAccount: the floor comes as the same
	log     *audit.Log
	seen    *observer
	tenants []tenant

	writesBefore float64 // of all clients, before an operator reconciled the tenants
}

// tenant is a GatewayTenant that exists, and its namespace.
type tenant struct {
	namespace         string
	uid, namespaceUID types.UID
}

// startLeg starts a control plane with everything in it that a deployment installs, apart from the operator, and makes so
// many GatewayTenants. Nobody works on these: the operator's lease is held here until release.
func startLeg(ctx context.Context, name string, tenants int) (l *leg, err error) {
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return nil, err
	}
	cluster, err := devcluster.Start(ctx, devcluster.Options{
		Dir: dir, First: []string{"config/crd"}, AuditPolicy: audit.Policy(audit.ServiceAccount(platformNamespace, account)), Progress: io.Discard,
	})
	if err != nil {
		return nil, err
	}
	l = &leg{cluster: cluster, log: audit.NewLog(cluster.AuditLog())}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.stop(err))
		}
	}()
	for _, args := range [][]string{
		{"apply", "-k", "config/rbac"},
		{"apply", "-k", "config/policy"},
		{"wait", "--for=condition=Established", "crd/gatewaytenants.openshell.ambient-code.io"},
	} {
		if _, err := cluster.Kubectl(ctx, args...); err != nil {
			return nil, err
		}
	}
	if l.account, err = cluster.ServiceAccountConfig(ctx, platformNamespace, account); err != nil {
		return nil, err
	}
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), apiextensionsv1.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return nil, err
	}
	if l.admin, err = client.NewWithWatch(cluster.Config(), client.Options{Scheme: scheme}); err != nil {
		return nil, err
	}
	if err := l.hold(ctx); err != nil {
		return nil, err
	}
	l.seen = observe(ctx, l.admin)
	say("%s: a control plane is up; making %d tenants", name, tenants)
	if l.tenants, err = l.makeTenants(ctx, "bench", tenants); err != nil {
		return nil, err
	}
	l.writesBefore, err = l.clusterWrites(ctx)
	return l, err
}

// stop ends the control plane. Its files stay if something went wrong.
func (l *leg) stop(cause error) error {
	if l.seen != nil {
		l.seen.stop()
	}
	err := l.cluster.Stop()
	if cause != nil || err != nil {
		say("the logs are in %s", filepath.Join(l.cluster.Dir(), "logs"))
		return err
	}
	return os.RemoveAll(l.cluster.Dir())
}

// hold takes the operator's lease, so that an operator fills its caches and stands by.
func (l *leg) hold(ctx context.Context) error {
	holder, seconds, now := "bench", int32(24*3600), metav1.NowMicro()
	return l.admin.Create(ctx, &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Namespace: platformNamespace, Name: account},
		Spec:       coordinationv1.LeaseSpec{HolderIdentity: &holder, LeaseDurationSeconds: &seconds, AcquireTime: &now, RenewTime: &now},
	})
}

// release lets the operator take the lease.
func (l *leg) release(ctx context.Context) error {
	return l.admin.Delete(ctx, &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: platformNamespace, Name: account}})
}

// makeTenants makes namespaces and a GatewayTenant in each, and waits until the cluster has done its part in them.
func (l *leg) makeTenants(ctx context.Context, prefix string, count int) ([]tenant, error) {
	tenants, err := l.makeNamespaces(ctx, prefix, count)
	if err != nil {
		return nil, err
	}
	return tenants, each(ctx, count, func(ctx context.Context, i int) error {
		return l.makeTenant(ctx, &tenants[i])
	})
}

// makeTenant makes the GatewayTenant of a namespace. The annotation lets the bridge take it over, once there are entries.
func (l *leg) makeTenant(ctx context.Context, t *tenant) error {
	object := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{
		Namespace: t.namespace, Name: v1alpha1.Name,
		Annotations: map[string]string{v1alpha1.AnnotationHandOver: v1alpha1.HandOverToPlatform},
	}}
	err := l.admin.Create(ctx, object)
	t.uid = object.UID
	return err
}

// makeNamespaces makes namespaces whose names are all equally long, and waits for what every namespace gets.
func (l *leg) makeNamespaces(ctx context.Context, prefix string, count int) ([]tenant, error) {
	tenants := make([]tenant, count)
	err := each(ctx, count, func(ctx context.Context, i int) error {
		namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("%s-%05d", prefix, i)}}
		err := l.admin.Create(ctx, namespace)
		tenants[i] = tenant{namespace: namespace.Name, namespaceUID: namespace.UID}
		return err
	})
	if err != nil {
		return nil, err
	}
	return tenants, each(ctx, count, func(ctx context.Context, i int) error {
		return await(ctx, 2*time.Minute, func() error {
			key := client.ObjectKey{Namespace: tenants[i].namespace}
			return errors.Join(
				l.admin.Get(ctx, client.ObjectKey{Namespace: key.Namespace, Name: "default"}, &corev1.ServiceAccount{}),
				l.admin.Get(ctx, client.ObjectKey{Namespace: key.Namespace, Name: "kube-root-ca.crt"}, &corev1.ConfigMap{}))
		})
	})
}

// each does something for each of count things, 32 at a time.
func each(ctx context.Context, count int, do func(ctx context.Context, i int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(32)
	for i := range count {
		group.Go(func() error { return do(ctx, i) })
	}
	return group.Wait()
}

// await tries until check is content. Its error says what was missing at last.
func await(ctx context.Context, limit time.Duration, check func() error) error {
	return operatortest.Poll(ctx, 20*time.Millisecond, limit, check)
}

// began is when the run began: progress is told with the time since.
var began = time.Now()

// say tells of progress, on standard error: the result alone is on standard output.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%5.0f s  %s\n", time.Since(began).Seconds(), fmt.Sprintf(format, args...))
}
