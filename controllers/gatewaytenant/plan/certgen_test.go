package plan

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

func TestPlanOfCertificates(t *testing.T) {
	lacksName := func(f *fixture) {
		f.tenant.Spec.ServerDNSNames = []string{"a.example.com"}
		f.certificates.Findings = []certificates.Finding{{Secret: manifests.ServerTLSName, Need: certificates.Invalid, Message: "lacks a.example.com"}}
	}
	run(t, newServingTenant, []planTest{
		{"a name is added", lacksName, []string{
			"create Job openshell-gateway-certgen",
		}},
		{"a name is added, and a Job that is done exists", func(f *fixture) {
			f.finishedJob("earlier request")
			lacksName(f)
		}, []string{
			"delete Job openshell-gateway-certgen, because it cannot do the present work, so another one replaces it",
			"create Job openshell-gateway-certgen, waits for the removal of the former Job and its pods",
		}},
		{"a Job that did all that was requested exists, and a Secret is missing", func(f *fixture) {
			f.finishedJob(f.desired(certgenJob).GetAnnotations()[manifests.AnnotationWish])
			f.certificates.Findings = []certificates.Finding{{Secret: manifests.ServerTLSName, Need: certificates.Missing}}
		}, []string{
			"delete Job openshell-gateway-certgen, because it cannot do the present work, so another one replaces it",
			"create Job openshell-gateway-certgen, waits for the removal of the former Job and its pods",
		}},
		{"a name is added, and another client's Job exists", func(f *fixture) {
			f.finishedJob("earlier request")
			f.cluster.Change(certgenJob, func(object *unstructured.Unstructured) { object.SetLabels(nil) })
			f.own(certgenJob, "Deployment")
			lacksName(f)
		}, []string{
			"delete Job openshell-gateway-certgen, because it cannot do the present work, so another one replaces it, blocked: Job tenant-a/openshell-gateway-certgen is there already and is controlled by Deployment other; delete that, or give its Job another name",
			"create Job openshell-gateway-certgen, waits for the removal of the former Job and its pods",
		}},
		{"certgen lacks its rights", func(f *fixture) {
			f.cluster.Delete(observe.Ref{Kind: "RoleBinding", Name: manifests.CertgenName})
			lacksName(f)
		}, []string{
			"create RoleBinding openshell-gateway-certgen",
			"create Job openshell-gateway-certgen",
		}},
		{"the token signing keys are rotated", func(f *fixture) {
			f.certificates.Findings = []certificates.Finding{{Secret: manifests.TokenKeysName, Need: certificates.Due, Message: "is to be rotated"}}
		}, []string{
			"create Job openshell-gateway-certgen",
			"update StatefulSet openshell-gateway, waits for the new token signing keys, because the token keys are made anew",
		}},
		{"the token signing keys were rotated", func(f *fixture) { f.certificates.TokenKeyID = "key-2" }, []string{
			"update StatefulSet openshell-gateway",
		}},
		{"a Secret is missing", func(f *fixture) {
			f.certificates.Complete = false
			f.certificates.Findings = []certificates.Finding{{Secret: manifests.ServerTLSName, Need: certificates.Missing}}
		}, []string{
			"create Job openshell-gateway-certgen",
		}},
		{"a Secret is missing and the image changes", func(f *fixture) {
			f.tenant.Spec.Image, f.certificates.Complete = otherImage, false
			f.certificates.Findings = []certificates.Finding{{Secret: manifests.ServerTLSName, Need: certificates.Missing}}
		}, []string{
			"create Job openshell-gateway-certgen",
			"update ConfigMap openshell-gateway-config, waits for the update of its StatefulSet",
			"update StatefulSet openshell-gateway, waits for its Secrets",
		}},
		{"the spec is rejected and a certificate is due", func(f *fixture) {
			f.certificates.Findings = []certificates.Finding{{Secret: manifests.ServerTLSName, Need: certificates.Due}}
			f.certificates.ServerNames = []string{"openshell-gateway"}
			f.tenant.Spec.Image = "docker.io/evil/x:1"
			f.cluster.Delete(service)
		}, []string{
			"create Job openshell-gateway-certgen",
		}},
		{"the spec is rejected, and the tenant is suspended", func(f *fixture) {
			f.certificates.Findings = []certificates.Finding{{Secret: manifests.ServerTLSName, Need: certificates.Due}}
			f.certificates.ServerNames = []string{"openshell-gateway"}
			f.tenant.Spec.Image, f.tenant.Spec.Suspend = "docker.io/evil/x:1", true
		}, nil},
	})
}

// TestCertgenBlocked expects to be told, after a while, who else prevents certgen from running, whether it has to run or not.
func TestCertgenBlocked(t *testing.T) {
	deleted := func(since time.Duration, finalizers ...string) func(*batchv1.Job) {
		return func(job *batchv1.Job) {
			job.DeletionTimestamp, job.Finalizers = &metav1.Time{Time: now.Add(-since)}, finalizers
		}
	}
	suspended := func(since time.Duration) func(*batchv1.Job) {
		return func(job *batchv1.Job) {
			job.Status.Conditions = []batchv1.JobCondition{{Type: batchv1.JobSuspended, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Time{Time: now.Add(-since)}}}
		}
	}
	for _, c := range []struct {
		name   string
		change func(*batchv1.Job)
		want   string // It is empty if certgen can run.
		again  time.Duration
	}{
		{"the Job is done", func(*batchv1.Job) {}, "", 0},
		{"the Job is being replaced", deleted(time.Second, "foregroundDeletion"), "", 9 * time.Second},
		{"the Job's pods are not gone", deleted(time.Minute, "foregroundDeletion"), "Job openshell-gateway-certgen is being deleted since 2026-06-01T11:59:00Z, and its finalizer foregroundDeletion keeps it until", 0},
		{"a finalizer keeps the Job", deleted(time.Minute, "red.example/x"), "its finalizer red.example/x keeps it; the client that set it must remove it; if that client no longer exists: kubectl patch job openshell-gateway-certgen -n tenant-a", 0},
		{"a queue admits the Job", suspended(time.Second), "", 9 * time.Second},
		{"another client suspends the Job", suspended(time.Minute), "is suspended since 2026-06-01T11:59:00Z by another client, such as a queue without room for it; if nothing resumes it: kubectl patch job openshell-gateway-certgen -n tenant-a", 0},
		{"a Job for another request is suspended", func(job *batchv1.Job) {
			suspended(time.Minute)(job)
			job.Annotations = nil
		}, "", 0},
		{"another client's Job", func(job *batchv1.Job) { job.Labels, job.OwnerReferences = nil, nil }, "is not the operator's; give it another name, or delete it: kubectl delete job openshell-gateway-certgen -n tenant-a", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, f := range []*fixture{newServingTenant(t), newTenant(t)} {
				f.finishedJob(f.desired(certgenJob).GetAnnotations()[manifests.AnnotationWish])
				f.change = func(observed *observe.Observed) {
					observed.Job = observed.Job.DeepCopy()
					c.change(observed.Job)
				}
				p := f.plan()
				if (p.CertgenBlocked == "") != (c.want == "") || !strings.Contains(p.CertgenBlocked, c.want) {
					t.Errorf("certgen is blocked: %q, want %q", p.CertgenBlocked, c.want)
				}
				if wait := p.Again.Sub(now); c.again > 0 && wait != c.again {
					t.Errorf("the next plan is after %s, want %s", wait, c.again)
				}
			}
		})
	}
}

// TestRecordOfForeignSecretsDoesNotChangeTheJob has a Secret of another issuer, which the status records after the first plan.
func TestRecordOfForeignSecretsDoesNotChangeTheJob(t *testing.T) {
	f := newTenant(t)
	f.certificates.External = []string{manifests.ServerTLSName}
	before := f.desired(certgenJob)
	f.tenant.Status.ExternalSecrets = f.certificates.External
	if after := f.desired(certgenJob); !reflect.DeepEqual(before, after) {
		t.Errorf("the Job was\n%v\nand is\n%v", before, after)
	}
	args, _, _ := unstructured.NestedSlice(before.Object, "spec", "template", "spec", "containers")
	if text := fmt.Sprint(args); !strings.Contains(text, "--external-secret="+manifests.ServerTLSName) {
		t.Errorf("the Job does not name the foreign Secret: %s", text)
	}
}
