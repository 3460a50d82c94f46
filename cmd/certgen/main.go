// Command certgen makes the certificates and token keys of one gateway: it looks at what is in the tenant's namespace
// and makes what is missing or no longer fits. The operator runs it as a Job, under a ServiceAccount of the tenant's.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/types"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates/issuer"
)

type options struct {
	request        issuer.Request
	kubeconfig     string
	terminationLog string
}

func main() {
	o := parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	done, err := run(ctx, o)
	report := "nothing to do: all Secrets are present and valid"
	if len(done) > 0 {
		report = strings.Join(done, "; ")
	}
	fmt.Println(report)
	if err != nil {
		fmt.Println(err)
		report = err.Error() // alone: it says the same each time that it is tried
	}
	// What the pod says of itself when it is over; without the file there is nobody to say it to.
	_ = os.WriteFile(o.terminationLog, []byte(report), 0o600)
	if err != nil {
		os.Exit(1)
	}
}

func parse() options {
	o := options{request: issuer.Request{Lifetimes: certificates.DefaultLifetimes}}
	flag.StringVar(&o.request.Namespace, "namespace", "", "the tenant's namespace")
	flag.Func("owner-uid", "uid of the GatewayTenant that the Secrets shall belong to", func(uid string) error {
		o.request.Owner = types.UID(uid)
		return nil
	})
	flag.Func("server-san", "a DNS name or IP address that the gateway's certificate must carry; may be repeated", func(name string) error {
		o.request.ServerNames = append(o.request.ServerNames, name)
		return nil
	})
	flag.Func("external-secret", "a Secret that another issuer writes, so that it is not created in place of that; may be repeated", func(name string) error {
		o.request.External = append(o.request.External, name)
		return nil
	})
	flag.StringVar(&o.request.Rotation.TLS, "rotate-tls", "", "make new certificates for the gateway and its clients, unless they were made for this value")
	flag.StringVar(&o.request.Rotation.CA, "rotate-ca", "", "make a new certificate authority, unless it was made for this value")
	flag.StringVar(&o.request.Rotation.Tokens, "rotate-tokens", "", "make new keys for the sandboxes' tokens, unless they were made for this value")
	o.request.Lifetimes.AddFlags(flag.CommandLine)
	flag.StringVar(&o.kubeconfig, "kubeconfig", "", "kubeconfig to use instead of the pod's own ServiceAccount")
	flag.StringVar(&o.terminationLog, "termination-log", "/dev/termination-log", "file that the result is written to, beside standard output")
	flag.Parse()
	return o
}

func run(ctx context.Context, o options) ([]string, error) {
	if o.request.Namespace == "" || o.request.Owner == "" || len(o.request.ServerNames) == 0 {
		return nil, fmt.Errorf("--namespace, --owner-uid and --server-san must be given")
	}
	if err := o.request.Lifetimes.Validate(); err != nil {
		return nil, err
	}
	var config *rest.Config
	var err error
	if o.kubeconfig != "" {
		config, err = clientcmd.BuildConfigFromFlags("", o.kubeconfig)
	} else {
		config, err = rest.InClusterConfig()
	}
	if err != nil {
		return nil, fmt.Errorf("no way to the API server: %w", err)
	}
	o.request.Clock = &issuer.Clock{}
	config.Wrap(o.request.Clock.Wrap)
	client, err := corev1client.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	tenants, err := metadata.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	o.request.Tenants = tenants.Resource(v1alpha1.GroupVersion.WithResource("gatewaytenants")).Namespace(o.request.Namespace)
	return issuer.Converge(ctx, client.Secrets(o.request.Namespace), o.request, time.Now())
}
