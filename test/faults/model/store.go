package model

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/metadata"
)

// store is the API server as certgen sees it. It dies with a write, or has somebody do something before one.
type store struct {
	corev1client.SecretInterface
	live   secrets
	writes int
	most   int // the write before which certgen dies
	before func(write int)
}

var errKilled = errors.New("killed")

func (s *store) Get(_ context.Context, name string, _ metav1.GetOptions) (*corev1.Secret, error) {
	if secret := s.live[name]; secret != nil {
		return secret.DeepCopy(), nil
	}
	return nil, apierrors.NewNotFound(corev1.Resource("secrets"), name)
}

func (s *store) write(secret *corev1.Secret, fits func(*corev1.Secret) bool) (*corev1.Secret, error) {
	s.writes++
	if s.writes > s.most {
		return nil, errKilled
	}
	s.before(s.writes)
	if !fits(s.live[secret.Name]) {
		return nil, apierrors.NewConflict(corev1.Resource("secrets"), secret.Name, nil)
	}
	s.live[secret.Name] = versioned(secret)
	return s.live[secret.Name].DeepCopy(), nil
}

func (s *store) Create(_ context.Context, secret *corev1.Secret, _ metav1.CreateOptions) (*corev1.Secret, error) {
	return s.write(secret, func(is *corev1.Secret) bool { return is == nil })
}

func (s *store) Update(_ context.Context, secret *corev1.Secret, _ metav1.UpdateOptions) (*corev1.Secret, error) {
	return s.write(secret, func(is *corev1.Secret) bool { return is != nil && is.ResourceVersion == secret.ResourceVersion })
}

var version int

func versioned(secret *corev1.Secret) *corev1.Secret {
	version++
	secret = secret.DeepCopy()
	secret.Namespace, secret.ResourceVersion = "tenant-a", fmt.Sprint(version)
	return secret
}

// tenant is the GatewayTenant as certgen reads it. It exists throughout.
type tenant struct{ metadata.ResourceInterface }

func (tenant) Get(_ context.Context, name string, _ metav1.GetOptions, _ ...string) (*metav1.PartialObjectMetadata, error) {
	return &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "tenant-a", UID: wishes[0].Owner}}, nil
}
