package plan

import (
	"testing"

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
			"delete Job openshell-gateway-certgen, because it cannot do the present work, so another one replaces it, blocked: Job tenant-a/openshell-gateway-certgen is there already and is not the operator's; delete it",
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
