package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/test/audit"
	"github.com/ambient-code/gatewaytenant-operator/test/devcluster"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

const (
	platformNamespace = operatortest.PlatformNamespace
	operatorName      = operatortest.OperatorName // of its Deployment, its ServiceAccount and its lease
	program           = operatortest.Program
	image             = operatortest.CertgenImage // in config/, for the user to replace
	clusterDir        = "cluster"
)

// env is the control plane with the tenants.
type env struct {
	cluster *operatortest.ControlPlane
	admin   client.Client
	log     *audit.Log
	dir     string
	tenants []tenant
}

// newEnv starts a control plane that has the CRD of the earlier version.
func newEnv(ctx context.Context, dir string, from, present version, tenants []tenant) (e *env, err error) {
	binaries := filepath.Join(dir, "bin")
	if err := os.Mkdir(binaries, 0o700); err != nil {
		return nil, err
	}
	for _, name := range []string{"devcluster", "kwok", "containers"} {
		if err := os.Symlink(filepath.Join(present.root, "bin", name), filepath.Join(binaries, name)); err != nil {
			return nil, err
		}
	}
	e = &env{dir: dir, tenants: tenants}
	if err := e.useCertgen(from); err != nil {
		return nil, err
	}
	say("starting a control plane")
	e.cluster, err = operatortest.Start(ctx, "upgrade", devcluster.Options{
		Dir: filepath.Join(dir, clusterDir), BinDir: binaries, First: []string{filepath.Join(from.root, "config", "crd")},
		AuditPolicy: audit.Policy(writers(tenants)...), Progress: io.Discard,
	})
	if err != nil {
		return nil, err
	}
	e.log = audit.NewLog(e.cluster.AuditLog())
	e.admin = e.cluster.Client
	return e, nil
}

// useCertgen has the containers of certgen Jobs run the certgen of a version from now on.
func (e *env) useCertgen(v version) error {
	link := filepath.Join(e.dir, "bin", "certgen")
	if err := os.Symlink(filepath.Join(v.bin, "certgen"), link+".new"); err != nil {
		return err
	}
	return os.Rename(link+".new", link)
}

// install applies the configuration of a version, as make deploy does, with the name of the version as the tag of the image.
// Then it replaces the running operator.
func (e *env) install(ctx context.Context, v version) error {
	for _, part := range []string{"crd", "default"} {
		text, err := e.cluster.Kubectl(ctx, "kustomize", filepath.Join(v.root, "config", part))
		if err != nil {
			return err
		}
		if part == "default" && !strings.Contains(text, image) {
			return fmt.Errorf("config/default of %s does not name the image %s", v.title, image)
		}
		file := filepath.Join(e.dir, v.name+"-"+part+".yaml")
		if err := os.WriteFile(file, []byte(strings.ReplaceAll(text, image, operatorName+":"+v.name)), 0o600); err != nil {
			return err
		}
		if _, err := e.cluster.Kubectl(ctx, "apply", "-f", file); err != nil {
			return err
		}
	}
	if _, err := e.cluster.Kubectl(ctx, "wait", "--for=condition=Established", "crd/gatewaytenants.openshell.ambient-code.io"); err != nil {
		return err
	}
	if err := e.useCertgen(v); err != nil {
		return err
	}
	return e.cluster.RunDeployment(ctx, filepath.Join(v.bin, program), platformNamespace, operatorName)
}

// each does something for each tenant of one sort concurrently.
func (e *env) each(ctx context.Context, by string, do func(context.Context, tenant) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for _, t := range e.tenants {
		if by == "" || t.By == by {
			group.Go(func() error { return do(ctx, t) })
		}
	}
	return group.Wait()
}

func (e *env) makeNamespace(ctx context.Context, t tenant) error {
	return e.admin.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: t.Name}})
}

// await calls check until it returns nil. After the limit it returns the last error of check.
func await(ctx context.Context, limit time.Duration, check func() error) error {
	return operatortest.Poll(ctx, 500*time.Millisecond, limit, check)
}
