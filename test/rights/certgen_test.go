package rights

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// TestEachRightOfCertgenIsNeeded takes away those of the one ClusterRole of all certgen Jobs, so one after another.
func TestEachRightOfCertgenIsNeeded(t *testing.T) {
	certgen := rightsIn(t, "../../config/crd/gateway_roles.yaml", "gatewaytenant-certgen")
	s, err := newStage(t.Context(), "certgen", rightsIn(t, "../../config/rbac/role.yaml", operatorName), right{})
	if err != nil {
		t.Fatal(err)
	}
	if err := admin.Create(t.Context(), namespace(s.bridged())); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Log(err)
		}
	}()
	if err := s.bindProbe(ctx); err != nil {
		t.Fatal(err)
	}
	takeAway := func(ctx context.Context, without right) {
		role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "gatewaytenant-certgen"}, Rules: rules(certgen, "ClusterRole", without)}
		if err := admin.Update(ctx, role); err != nil {
			t.Fatal(err)
		}
	}
	defer takeAway(context.WithoutCancel(ctx), right{}) // other tests need all of them
	needed := 0
	for _, without := range append([]right{{}}, certgen...) {
		takeAway(ctx, without)
		if err := s.effective(ctx, certgen, without); err != nil {
			t.Fatal(err)
		}
		switch err := s.secretsStory(ctx); {
		case without == right{} && err != nil:
			t.Fatalf("with all rights: %v", err)
		case without != right{} && err == nil:
			t.Errorf("without %s: %v", without, errHappyEnd)
		case err != nil:
			needed++
			t.Logf("without %s: %v", without, err)
		}
	}
	t.Logf("%d rights of certgen, %d of them needed", len(certgen), needed)
}

// probe is a user with the rights of certgen in the operator's namespace.
const probe = "certgen-probe"

func (s *stage) bindProbe(ctx context.Context) error {
	return admin.Create(ctx, &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.name, Name: probe},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "gatewaytenant-certgen"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: probe}},
	})
}

// effective waits until the API server, which caches roles, grants exactly the rights of certgen without one of them.
func (s *stage) effective(ctx context.Context, certgen []right, without right) error {
	return until(ctx, "the API server knows the role", func() error {
		for _, r := range certgen {
			review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
				User:               probe,
				ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: s.name, Verb: r.verb, Group: r.group, Resource: r.resource, Name: r.name},
			}}
			if err := admin.Create(ctx, review); err != nil {
				return err
			}
			if review.Status.Allowed == (r == without) {
				return fmt.Errorf("allowed: %v: %s", review.Status.Allowed, r)
			}
		}
		return nil
	})
}

// secretsStory is what becomes of a tenant's Secrets: they are made, given an owner again, and made anew.
func (s *stage) secretsStory(ctx context.Context) error {
	gt := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.Name, Namespace: s.bridged()}}
	if err := admin.Create(ctx, gt); err != nil {
		return err
	}
	defer func() {
		_ = admin.Delete(context.Background(), gt)
		for _, name := range manifests.SecretNames {
			_ = s.gone(context.Background(), &corev1.Secret{}, gt.Namespace, name)
		}
	}()
	if err := s.certified(ctx, gt, "the Secrets are made", func() error { return s.everySecret(ctx, 1) }); err != nil {
		return err
	}
	for _, name := range manifests.SecretNames {
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: gt.Namespace, Name: name}}
		if err := admin.Patch(ctx, secret, client.RawPatch(types.JSONPatchType, []byte(`[{"op":"remove","path":"/metadata/ownerReferences"}]`))); err != nil {
			return err
		}
	}
	if err := s.certified(ctx, gt, "they get their owner again", func() error { return s.everySecret(ctx, 1) }); err != nil {
		return err
	}
	rotate := fmt.Sprintf(`{"metadata":{"annotations":{%q:"1",%q:"1",%q:"1"}}}`, v1alpha1.AnnotationRotateCA, v1alpha1.AnnotationRotateTLS, v1alpha1.AnnotationRotateTokens)
	if err := admin.Patch(ctx, gt, client.RawPatch(types.MergePatchType, []byte(rotate))); err != nil {
		return err
	}
	return s.certified(ctx, gt, "all is rotated", func() error {
		if r := gt.Status.Rotated; r == nil || r.CA != "1" || r.TLS != "1" || r.Tokens != "1" {
			return fmt.Errorf("it is %+v", r)
		}
		return nil
	})
}

// everySecret is an error unless all are there, with so many owners.
func (s *stage) everySecret(ctx context.Context, owners int) error {
	for _, name := range manifests.SecretNames {
		secret := &corev1.Secret{}
		if err := admin.Get(ctx, client.ObjectKey{Namespace: s.bridged(), Name: name}, secret); err != nil {
			return err
		}
		if len(secret.OwnerReferences) != owners {
			return fmt.Errorf("%s has the owners %v", name, secret.OwnerReferences)
		}
	}
	return nil
}

// certified waits until check is content, or certgen is denied something.
func (s *stage) certified(ctx context.Context, gt *v1alpha1.GatewayTenant, what string, check func() error) error {
	var denied error
	return errors.Join(until(ctx, what, func() error {
		if err := admin.Get(ctx, client.ObjectKeyFromObject(gt), gt); err != nil {
			return err
		}
		is := meta.FindStatusCondition(gt.Status.Conditions, v1alpha1.ConditionCertificatesReady)
		if is != nil && is.Status == metav1.ConditionFalse && strings.Contains(is.Message, "cannot ") {
			denied = errors.New(is.Message)
			return nil
		}
		return check()
	}), denied)
}
