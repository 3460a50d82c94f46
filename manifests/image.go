package manifests

import (
	"fmt"
	"strings"

	"github.com/distribution/reference"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// image is a gateway image that the platform allows.
type image struct {
	ref string // in full, as the pod gets it: a short name might be looked up elsewhere
	tag string // empty for a digest alone
}

// parseImage reads an image reference and holds it against the repositories that the platform allows.
func parseImage(field, ref string, allowed []string) (image, error) {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return image{}, reject(v1alpha1.ReasonInvalidImage, field, ref, "is not an image reference: %v; give it as registry/repository:tag, with a digest or without", err)
	}
	if reference.IsNameOnly(named) {
		return image{}, reject(v1alpha1.ReasonInvalidImage, field, ref, "has neither tag nor digest; add one, or what runs would change by itself")
	}
	if !repositoryAllowed(named.Name(), allowed) {
		return image{}, reject(v1alpha1.ReasonImageNotAllowed, field, ref, "is not from an allowed repository (%s); use one of these, or ask the platform team to allow %s", strings.Join(allowed, ", "), named.Name())
	}
	img := image{ref: named.String()}
	if tagged, ok := named.(reference.Tagged); ok {
		img.tag = tagged.Tag()
	}
	return img, nil
}

// repositoryAllowed tells whether one of allowed is the repository or a path above it.
func repositoryAllowed(repository string, allowed []string) bool {
	for _, prefix := range allowed {
		prefix = strings.TrimSuffix(prefix, "/")
		if repository == prefix || strings.HasPrefix(repository, prefix+"/") {
			return true
		}
	}
	return false
}

// normalizeRepositories checks the platform's allowed repositories. An entry is a registry, or a repository or a path
// above repositories, in full: docker.io and library are written out, since the policy that refuses other images in the
// API server compares text.
func normalizeRepositories(repositories []string) ([]string, error) {
	var normalized []string
	for _, repository := range repositories {
		trimmed := strings.TrimSuffix(strings.TrimSpace(repository), "/")
		if !isRegistry(trimmed) {
			named, err := reference.ParseNormalizedNamed(trimmed)
			if err != nil || !reference.IsNameOnly(named) {
				return nil, fmt.Errorf("allowed repository %q: give a registry, a repository or a path above it, such as ghcr.io/nvidia, without tag or digest", repository)
			}
			if named.Name() != trimmed {
				return nil, fmt.Errorf("allowed repository %q: write it in full, as %s", repository, named.Name())
			}
		}
		normalized = append(normalized, trimmed)
	}
	return normalized, nil
}

// isRegistry tells a registry's host from a path on the default registry, as references themselves do.
func isRegistry(s string) bool {
	return s != "" && !strings.Contains(s, "/") && (strings.ContainsAny(s, ".:") || s == "localhost")
}
