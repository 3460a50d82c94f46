package diagnose

import (
	"fmt"
	"regexp"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// RefusedError is a write that the API server refused, with what to do about it.
type RefusedError struct {
	Err    error
	Remedy string
}

func (e *RefusedError) Error() string { return e.Err.Error() + "; " + e.Remedy }

func (e *RefusedError) Unwrap() error { return e.Err }

// Refused adds to the error of a write what to do about it, if that is known. The object is named by its kind, name and namespace.
func Refused(err error, kind, name, namespace string) error {
	if err == nil {
		return nil
	}
	remedy := admissionRemedy(err.Error(), namespace)
	if remedy == "" && apierrors.IsInvalid(err) || ownPolicy.MatchString(err.Error()) {
		remedy = immutableRemedy(kind, name, namespace)
	}
	if remedy == "" {
		return err
	}
	return &RefusedError{Err: err, Remedy: remedy}
}

// The names are those of objects, so that no text of others gets into a command.
var (
	quota      = regexp.MustCompile(`(?:exceeded|failed) quota: ([a-z0-9][-a-z0-9.]*)[,:]`)
	limitRange = regexp.MustCompile(`(?:usage|ratio) per (?:Container|Pod) is `)
	limitClaim = regexp.MustCompile(`usage per PersistentVolumeClaim is `)
	policy     = regexp.MustCompile(`ValidatingAdmissionPolicy '([a-z0-9][-a-z0-9.]*)' with binding '[^']+' denied request`)
	ownPolicy  = regexp.MustCompile(`ValidatingAdmissionPolicy 'gatewaytenant-operator-[-a-z]+' with binding`) // what it rejects stems from another client
	webhook    = regexp.MustCompile(`admission webhook "([a-z0-9][-a-z0-9.]*)" denied the request`)
	brokenHook = regexp.MustCompile(`failed calling webhook "([a-z0-9][-a-z0-9.]*)"`)
	noRight    = regexp.MustCompile(`is forbidden: User "[^"]+" cannot `)
)

// admissionRemedy returns what to do about an object that a quota, a LimitRange, a policy, a webhook, a storage class or a role
// rejects. It is empty if none of these does. The API server reports them as text only.
func admissionRemedy(text, namespace string) string {
	named := func(pattern *regexp.Regexp) string {
		if match := pattern.FindStringSubmatch(text); match != nil {
			return match[1]
		}
		return ""
	}
	switch {
	case named(quota) != "":
		return fmt.Sprintf("free or raise the quota; see: kubectl describe resourcequota %s -n %s", named(quota), namespace)
	case limitRange.MatchString(text):
		return "every gateway and certgen have the same requests and limits, so change the LimitRange to admit them; see: kubectl describe limitrange -n " + namespace
	case limitClaim.MatchString(text):
		return "set spec.storage.size to a size that the LimitRange admits, or change the LimitRange; see: kubectl describe limitrange -n " + namespace
	case named(policy) != "":
		return fmt.Sprintf("let the policy admit this object; see: kubectl get validatingadmissionpolicy %s -o yaml", named(policy))
	case named(webhook) != "":
		return fmt.Sprintf("let the policy behind the admission webhook %s admit this object", named(webhook))
	case named(brokenHook) != "":
		return fmt.Sprintf("restore the service of the admission webhook %s; see: kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations", named(brokenHook))
	case strings.Contains(text, "storageclass that provisions the pvc must support resize"):
		return fmt.Sprintf("set spec.storage.size to the size that the claim has, or, if its driver can expand volumes, set allowVolumeExpansion: true in its StorageClass; see: kubectl get pvc %s -n %s", manifests.ClaimName, namespace)
	case noRight.MatchString(text):
		return "the operator lacks this right: apply the roles of its release again"
	}
	return ""
}

// immutableRemedy returns which object to delete if a field of it cannot be changed, and what that costs. It is empty if a deletion
// would lose data.
func immutableRemedy(kind, name, namespace string) string {
	command := fmt.Sprintf("kubectl delete %s %s -n %s", strings.ToLower(kind), name, namespace)
	switch kind {
	case "StatefulSet":
		return fmt.Sprintf("to let the operator create it again: %s --cascade=orphan && kubectl delete pod %s -n %s; the gateway restarts once, "+
			"and its volume claim and its data stay", command, manifests.PodName, namespace)
	case "ConfigMap":
		return "to let the operator create it again: " + command + "; the gateway keeps running, and no data is lost"
	case "Service":
		return "to let the operator create it again: " + command + "; it gets another IP address, so clients have to connect again, and no data is lost"
	case "Job":
		return "to let the operator create it again: " + command + "; no data is lost"
	case "ClusterRoleBinding":
		return fmt.Sprintf("to let the operator create it again: kubectl delete clusterrolebinding %s; the gateway lacks these rights until then, and no data is lost", name)
	}
	return ""
}
