package plugin

import (
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/controllers/options"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// Settings are what the operator is told for all tenants.
type Settings struct {
	// Options are the operator's own.
	Options options.Options
	// Platform is what they come to.
	Platform manifests.Platform
	// Notes say where they are not known from.
	Notes []string
}

// DefaultPlatformNamespace is where config/default puts the operator.
const DefaultPlatformNamespace = "gatewaytenant-system"

// NewFlags are the operator's flags, with the defaults that hold where there is no operator to ask.
func NewFlags(opts *options.Options) (*flag.FlagSet, error) {
	return operatorFlags(opts, func(name string) string {
		return map[string]string{"POD_NAMESPACE": DefaultPlatformNamespace, "CERTGEN_IMAGE": manifests.Manager + ":latest"}[name]
	})
}

func operatorFlags(opts *options.Options, env func(string) string) (*flag.FlagSet, error) {
	flags := flag.NewFlagSet("operator", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	return flags, opts.AddFlags(flags, env)
}

// ReadSettings reads the settings of the operator that runs in a cluster from its Deployment. What is given, by the names
// of the operator's flags, comes before them; and where the cluster cannot be asked (nil: it is not to be) the defaults
// hold.
func ReadSettings(ctx context.Context, cluster client.Client, given map[string]string) (Settings, error) {
	var s Settings
	flags, err := NewFlags(&s.Options)
	if err != nil {
		return s, err
	}
	namespace := s.Options.PlatformNamespace
	if value, is := given["platform-namespace"]; is {
		namespace = value
	}
	if cluster != nil {
		deployment := &appsv1.Deployment{}
		err := cluster.Get(ctx, client.ObjectKey{Namespace: namespace, Name: manifests.Manager}, deployment)
		if err == nil {
			s.Options = options.Options{}
			flags, err = fromDeployment(ctx, &s.Options, cluster, deployment)
		}
		if err != nil {
			s.Notes = append(s.Notes, fmt.Sprintf("what the operator is told for all tenants is taken from flags and their defaults, since its Deployment cannot be read: %v", err))
			s.Options = options.Options{}
			if flags, err = NewFlags(&s.Options); err != nil {
				return s, err
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if err := flags.Set(name, given[name]); err != nil {
			return s, fmt.Errorf("--%s=%s: %w", name, given[name], err)
		}
	}
	if err := s.Options.Guard.Validate(); err != nil {
		return s, err
	}
	if err := s.Options.Lifetimes.Validate(); err != nil {
		return s, err
	}
	s.Platform, err = s.Options.Platform()
	if err == nil && cluster != nil {
		s.Platform, err = options.PlatformOf(s.Platform, cluster.RESTMapper())
	}
	return s, err
}

// fromDeployment reads the arguments and the environment of the operator's container.
func fromDeployment(ctx context.Context, opts *options.Options, cluster client.Reader, deployment *appsv1.Deployment) (*flag.FlagSet, error) {
	containers := deployment.Spec.Template.Spec.Containers
	i := slices.IndexFunc(containers, func(c corev1.Container) bool { return c.Name == "manager" })
	if i < 0 {
		return nil, fmt.Errorf("it has no container named manager")
	}
	values := map[string]string{}
	for _, variable := range containers[i].Env {
		value, err := valueOf(ctx, cluster, deployment.Namespace, variable)
		if err != nil {
			return nil, err
		}
		values[variable.Name] = value
	}
	flags, err := operatorFlags(opts, func(name string) string { return values[name] })
	if err != nil {
		return nil, err
	}
	flags.String("kubeconfig", "", "") // the only one of the manager that is not among its options
	return flags, flags.Parse(containers[i].Args)
}

// valueOf is the value of an environment variable of the operator's.
func valueOf(ctx context.Context, cluster client.Reader, namespace string, variable corev1.EnvVar) (string, error) {
	switch from := variable.ValueFrom; {
	case from == nil:
		return variable.Value, nil
	case from.FieldRef != nil && from.FieldRef.FieldPath == "metadata.namespace":
		return namespace, nil
	case from.ConfigMapKeyRef != nil:
		config := &corev1.ConfigMap{}
		err := cluster.Get(ctx, client.ObjectKey{Namespace: namespace, Name: from.ConfigMapKeyRef.Name}, config)
		if optional := from.ConfigMapKeyRef.Optional; optional != nil && *optional {
			err = client.IgnoreNotFound(err)
		}
		return config.Data[from.ConfigMapKeyRef.Key], err
	case from.ResourceFieldRef != nil:
		return "", nil // the process's own resources, which no setting of tenants depends on
	}
	return "", fmt.Errorf("its variable %s comes from where it cannot be read", variable.Name)
}
