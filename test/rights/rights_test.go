package rights

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// sharedBinding is the earlier control plane's, of all tenants.
const sharedBinding = "openshell-gateway-node-reader"

// errHappyEnd is a story that came to its end although it should not have.
var errHappyEnd = errors.New("nothing was missed")

// play runs an operator through the story, and returns what went wrong: a denied request or, if none was, a step that
// did not come about.
func play(ctx context.Context, s *stage) error {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- s.run(ctx) }()
	told := make(chan error, 1)
	go func() { told <- s.story(ctx) }()
	var err error
	select {
	case err = <-s.denied:
	case err = <-told:
		select { // what was denied late
		case err = <-s.denied:
		case <-time.After(time.Second):
		}
	case err = <-ended:
		err = fmt.Errorf("the operator ended: %w", err)
		ended <- nil
	}
	cancel()
	return errors.Join(err, <-ended)
}

// TestEachRightOfTheOperatorIsNeeded takes each away in turn. First, that the story comes to its end with all of them.
func TestEachRightOfTheOperatorIsNeeded(t *testing.T) {
	all := rightsIn(t, "../../config/rbac/role.yaml", operatorName)
	shared := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: sharedBinding}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: sharedBinding},
	}
	stageOf := func(i int) string { return fmt.Sprintf("right-%03d", i) }
	for i := range len(all) + 1 {
		shared.Subjects = append(shared.Subjects, rbacv1.Subject{Kind: rbacv1.ServiceAccountKind, Name: manifests.GatewayName, Namespace: (&stage{name: stageOf(i)}).earlier()})
	}
	// The role that it binds is one that the operator does not have the rights of.
	role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: sharedBinding}, Rules: []rbacv1.PolicyRule{{Verbs: []string{"list"}, APIGroups: []string{""}, Resources: []string{"nodes"}}}}
	if err := errors.Join(admin.Create(t.Context(), role), admin.Create(t.Context(), shared)); err != nil {
		t.Fatal(err)
	}
	s, err := newStage(t.Context(), stageOf(len(all)), all, right{})
	if err == nil {
		err = play(t.Context(), s)
	}
	if err != nil {
		t.Fatalf("with all rights: %v", err)
	}
	var needed atomic.Int32
	t.Run("without", func(t *testing.T) {
		for i, without := range all {
			t.Run(without.String(), func(t *testing.T) {
				t.Parallel()
				s, err := newStage(t.Context(), stageOf(i), all, without)
				if err != nil {
					t.Fatal(err)
				}
				if err := play(t.Context(), s); err == nil {
					t.Error(errHappyEnd)
				} else {
					needed.Add(1)
					t.Log(err)
				}
				for _, name := range []string{s.bridged(), s.earlier(), s.newest(), s.sandboxes(), s.name} {
					_ = admin.Delete(context.Background(), namespace(name))
				}
			})
		}
	})
	t.Logf("%d rights of the operator, %d of them needed", len(all), needed.Load())
}
