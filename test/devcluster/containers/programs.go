package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/ambient-code/gatewaytenant-operator/test/devcluster/internal/child"
)

// programs runs the real certgen in place of certgen's containers.
type programs struct {
	client   client.Client
	cluster  *rest.Config
	certgen  string
	dir      string
	launcher *child.Launcher
	exits    chan event.GenericEvent // a pod whose program ended
}

// program is one run of it.
type program struct {
	cmd      *exec.Cmd
	dir      string
	log      tail
	started  time.Time
	stopping sync.Once
	done     chan struct{} // closed when it has ended; what follows is set then
	ends     time.Time
	code     int
	message  string
}

// newPrograms keeps what it writes, tokens among it, in dir. What an earlier process left there goes.
func newPrograms(c client.Client, cluster *rest.Config, certgen, dir string) (*programs, error) {
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return &programs{client: c, cluster: cluster, certgen: certgen, dir: dir, launcher: child.NewLauncher(), exits: make(chan event.GenericEvent, 1024)}, nil
}

// close ends all that runs, and removes the tokens.
func (p *programs) close() {
	p.launcher.Close()
	_ = os.RemoveAll(p.dir)
}

// start runs certgen as the pod's container: with its arguments and environment, and with its own token, which reaches
// it by a kubeconfig since there is no container to mount it in.
func (p *programs) start(ctx context.Context, pod *corev1.Pod) (*program, error) {
	dir, err := os.MkdirTemp(p.dir, pod.Name+"-")
	if err != nil {
		return nil, err
	}
	kubeconfig := filepath.Join(dir, "kubeconfig")
	if err := p.writeKubeconfig(ctx, pod, kubeconfig); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	container := pod.Spec.Containers[0]
	run := &program{dir: dir, started: time.Now(), done: make(chan struct{})}
	variables := environment(pod, container)
	arguments := append(expand(container.Args, variables), "--kubeconfig="+kubeconfig, "--termination-log="+filepath.Join(dir, "termination-log"))
	run.cmd = exec.Command(p.certgen, arguments...) //nolint:gosec // running the given program is what this is for
	run.cmd.Dir = dir
	run.cmd.Env = variables
	run.cmd.Stdout, run.cmd.Stderr = &run.log, &run.log
	run.cmd.WaitDelay = time.Second // for what it may have left running with its output open
	if err := p.launcher.Start(run.cmd); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	go run.wait(pod, p.exits)
	return run, nil
}

// wait waits for the program's end and reads what it left.
func (r *program) wait(pod *corev1.Pod, exits chan<- event.GenericEvent) {
	_ = r.cmd.Wait() // how it ended is in ProcessState
	r.ends = time.Now()
	r.code = r.cmd.ProcessState.ExitCode()
	if status, ok := r.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		r.code = 128 + int(status.Signal())
	}
	text, err := os.ReadFile(filepath.Join(r.dir, "termination-log"))
	if err == nil {
		r.message = strings.TrimSpace(string(text))
	}
	if r.message == "" && r.code != 0 && pod.Spec.Containers[0].TerminationMessagePolicy == corev1.TerminationMessageFallbackToLogsOnError {
		r.message = strings.TrimSpace(string(r.log))
	}
	_ = os.RemoveAll(r.dir)
	close(r.done)
	exits <- event.GenericEvent{Object: pod}
}

func (r *program) ended() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// stop asks the program to end, and kills it if it does not within the grace. It may be called again.
func (r *program) stop(grace time.Duration) {
	r.stopping.Do(func() {
		_ = r.cmd.Process.Signal(syscall.SIGTERM)
		time.AfterFunc(grace, r.kill)
	})
}

func (r *program) kill() { _ = r.cmd.Process.Kill() }

// writeKubeconfig writes a kubeconfig with a token of the pod's ServiceAccount that is bound to the pod, if the pod
// mounts one.
func (p *programs) writeKubeconfig(ctx context.Context, pod *corev1.Pod, path string) error {
	config := clientcmdapi.NewConfig()
	config.Clusters["cluster"] = &clientcmdapi.Cluster{Server: p.cluster.Host, CertificateAuthorityData: p.cluster.CAData, CertificateAuthority: p.cluster.CAFile}
	config.AuthInfos["pod"] = &clientcmdapi.AuthInfo{}
	config.Contexts["pod"] = &clientcmdapi.Context{Cluster: "cluster", AuthInfo: "pod"}
	config.CurrentContext = "pod"
	if mountsToken(pod) {
		hour := int64(3600)
		request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{
			ExpirationSeconds: &hour,
			BoundObjectRef:    &authenticationv1.BoundObjectReference{APIVersion: "v1", Kind: "Pod", Name: pod.Name, UID: pod.UID},
		}}
		account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: pod.Spec.ServiceAccountName, Namespace: pod.Namespace}}
		if err := p.client.SubResource("token").Create(ctx, account, request); err != nil {
			return fmt.Errorf("a token for the pod: %w", err)
		}
		config.AuthInfos["pod"].Token = request.Status.Token
	}
	return clientcmd.WriteToFile(*config, path)
}

func mountsToken(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Spec.Volumes, func(volume corev1.Volume) bool {
		return volume.Projected != nil && slices.ContainsFunc(volume.Projected.Sources, func(source corev1.VolumeProjection) bool {
			return source.ServiceAccountToken != nil
		})
	})
}
