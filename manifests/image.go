package manifests

import (
	"fmt"
	"path"
	"strings"

	"github.com/distribution/reference"
	corev1 "k8s.io/api/core/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests/release"
)

// image is a gateway image that the platform allows.
type image struct {
	ref string // in full, as the pod gets it: a short name might be looked up elsewhere
	tag string // empty for a digest alone
}

// parseImage reads an image reference and rejects an image that is not from an allowed repository. It returns such an image, too: its
// tag tells the version.
func parseImage(field, ref string, allowed []string) (image, error) {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return image{}, reject(v1alpha1.ReasonInvalidImage, field, ref, "is not an image reference: %v; give it as registry/repository:tag, with a digest or without", err)
	}
	if reference.IsNameOnly(named) {
		return image{}, reject(v1alpha1.ReasonInvalidImage, field, ref, "has neither tag nor digest; add one, or what runs would change by itself")
	}
	img := image{ref: named.String()}
	if tagged, ok := named.(reference.Tagged); ok {
		img.tag = tagged.Tag()
	}
	if !repositoryAllowed(named.Name(), allowed) {
		return img, reject(v1alpha1.ReasonImageNotAllowed, field, ref, "is not from an allowed repository (%s); use one of these, or ask the platform team to allow %s", strings.Join(allowed, ", "), named.Name())
	}
	return img, nil
}

// pullPolicy returns the policy that Kubernetes sets for a new object by default. Kubernetes does not update the policy when the image
// changes (https://kubernetes.io/docs/concepts/containers/images/#imagepullpolicy-defaulting), so it must be set.
func (i image) pullPolicy() corev1.PullPolicy {
	if i.tag == "latest" {
		return corev1.PullAlways
	}
	return corev1.PullIfNotPresent
}

// repositoryAllowed reports whether one of allowed is the repository or a path above it.
func repositoryAllowed(repository string, allowed []string) bool {
	for _, prefix := range allowed {
		prefix = strings.TrimSuffix(prefix, "/")
		if repository == prefix || strings.HasPrefix(repository, prefix+"/") {
			return true
		}
	}
	return false
}

// imageMirror returns the repository of the images with a name, supervisor or sandbox, next to that of a gateway, such as
// registry.example.com/a/supervisor for registry.example.com/a/gateway, if the platform does not allow the one where the project
// publishes the images of the release. It is empty if that one applies: the platform allows it, or the name of the gateway's repository
// does not contain "gateway".
func imageMirror(gateway image, contract release.Contract, name string, allowed []string) string {
	named, err := reference.ParseNormalizedNamed(gateway.ref)
	if err != nil || repositoryAllowed(contract.Repository+"/"+name, allowed) {
		return ""
	}
	dir, last := path.Split(named.Name())
	if !strings.Contains(last, "gateway") {
		return ""
	}
	return dir + strings.Replace(last, "gateway", name, 1)
}

// checkRepositories checks the platform's allowed repositories. An entry is a registry, or a repository or a path above
// repositories, with its registry: the policy that refuses other images in the API server compares text.
func checkRepositories(repositories []string) ([]string, error) {
	const below = "/any/image"
	var checked []string
	for _, repository := range repositories {
		trimmed := strings.TrimSuffix(strings.TrimSpace(repository), "/")
		named, err := reference.ParseNormalizedNamed(trimmed + below)
		if err != nil || !reference.IsNameOnly(named) {
			return nil, fmt.Errorf("allowed repository %q: give a registry, a repository or a path above it, such as ghcr.io/nvidia, without tag or digest", repository)
		}
		if full := strings.TrimSuffix(named.Name(), below); full != trimmed {
			return nil, fmt.Errorf("allowed repository %q: write it in full, as %s", repository, full)
		}
		checked = append(checked, trimmed)
	}
	return checked, nil
}
