package main

import (
	"context"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

const (
	theService   = "APPLY services/openshell-gateway"
	theConfig    = "APPLY configmaps/openshell-gateway-config"
	theSet       = "APPLY statefulsets/openshell-gateway"
	theJob       = "APPLY jobs/openshell-gateway-certgen"
	theOldJob    = "DELETE jobs/openshell-gateway-certgen"
	thePreflight = "APPLY jobs/openshell-gateway-preflight"
	theRights    = "APPLY rolebindings/openshell-gateway-certgen"
	theStatus    = "PATCH gatewaytenants/openshell-gateway/status"
	theBinding   = "DELETE clusterrolebindings/gatewaytenant-node-reader"
)

// canaries are deliberate bugs, each of a class that was found in published operators.
var canaries = []*canary{
	{name: "an error is dropped", class: "Acto: an error that is not handed on", workload: "create", kind: "500", at: theService + " #1", as: `^Service openshell-gateway is missing`, bug: forgets(theService)},
	{name: "a conflict is taken for success", class: "Acto: an error that is not handed on", workload: "create", kind: "409", at: theSet + " #1", as: `^not in time: generation 1: Ready`, bug: forgets(theSet)},
	{name: "done is noted before it is done", class: "Sieve: an intermediate state is not taken up again", workload: "create", kind: "crash before", at: theService + " #1", as: `^Service openshell-gateway is missing`, bug: notesFirst},
	{name: "an object is made under another name in each life", class: "Sieve: an intermediate state is not taken up again", workload: "create", kind: "crash after", at: theSet + " #1", as: `^ConfigMap openshell-gateway-config-.* made 1 times, undisturbed 0`, bug: namesAnew},
	{name: "a watch that broke is not begun again", class: "Sieve: an event is never seen", workload: "image", kind: "relist", at: theSet + " #1", as: `^not in time: generation 2: Ready`, bug: goesDeaf},
	{name: "the StatefulSet is deleted before it is made", class: "Sieve: a crash between delete and create", workload: "image", as: `^StatefulSet openshell-gateway was replaced`, bug: deletesFirst},
	{name: "a certificate is deleted before it is issued", class: "Sieve: a crash between delete and create", workload: "names", as: `^Secret openshell-server-tls was absent`, bug: withoutSecret},
	{name: "token keys are made anew with the certificates", class: "Acto: more is changed than was asked for", workload: "names", as: `^the token keys changed`, bug: newKeys},
	{name: "an owner is forgotten", class: "Acto: objects outlive what they belong to", workload: "create", as: `(?s)^ConfigMap openshell-gateway-config is not .*ownerReferences`, bug: editing(theConfig, func(o map[string]any) {
		delete(field(o, "metadata"), "ownerReferences")
	})},
	{name: "an owner's uid is wrong", class: "operator-chaos: the garbage collector removes what is in use", workload: "create", as: `^not in time: it is done, and written again`, bug: editing(theService, func(o map[string]any) {
		for _, owner := range field(o, "metadata")["ownerReferences"].([]any) {
			owner.(map[string]any)["uid"] = "00000000-0000-0000-0000-000000000000"
		}
	})},
	{name: "part of a Secret is applied", class: "Anvil: a partial write is taken for a whole one", workload: "lost certificate", as: `^Secret openshell-server-tls is not as undisturbed`, bug: partOfSecret},
	{name: "a foreign element of a list is overlooked", class: "Acto: drift is not seen", workload: "config", kind: "changes", at: theConfig + " #1", child: "Service openshell-gateway", as: `(?s)^Service openshell-gateway is not .*other`, bug: overlooks},
	{name: "ownership is not forced", class: "operator-chaos: drift is not set back", workload: "config", kind: "changes", at: theSet + " #1", child: "ConfigMap openshell-gateway-config", as: `^not in time: generation 2: Ready`, bug: asksNicely},
	{name: "others' labels are removed", class: "operator-chaos: others' fields are overwritten", workload: "config", kind: "changes", at: theSet + " #1", child: "ConfigMap openshell-gateway-config", as: `^ConfigMap openshell-gateway-config lost somebody's label`, bug: tidies},
	{name: "the status is written all the time", class: "operator-chaos: a loop that never ends", workload: "create", as: `^not in time: it is done, and written again`, bug: statusForever},
	{name: "a time is in what is applied", class: "Acto: the end state depends on the way to it", workload: "config", as: `(?s)^StatefulSet openshell-gateway is not .*restartedAt`, bug: editing(theSet, func(o map[string]any) {
		field(o, "spec", "template", "metadata", "annotations")["kubectl.kubernetes.io/restartedAt"] = time.Now().String()
	})},
	{name: "observedGeneration is forgotten", class: "Acto: the status does not say what it speaks of", workload: "create", as: `(?s)^GatewayTenant openshell-gateway is not .*observedGeneration`, bug: editing(theStatus, func(o map[string]any) {
		delete(field(o, "status"), "observedGeneration")
	})},
	{name: "Ready is said too early", class: "Anvil: the status is not true", workload: "create", as: `^Ready was said before the gateway served`, bug: editing(theStatus, saysReady)},
	{name: "another namespace is written to", class: "operator-chaos: a tenant reaches another", workload: "create", as: `^it wrote what is not the tenant's: PATCH /api/v1/namespaces/default/`, bug: strays},
	{name: "two write at once", class: "operator-chaos: two writers", workload: "create", as: `^not in time: it is done, and written again`, bug: twoWriters},
	{name: "what is there is never updated", class: "Acto: a change of the spec does not arrive", workload: "config", as: `(?s)^ConfigMap openshell-gateway-config is not .*debug`, bug: createsOnly(theConfig)},
	{name: "a finalizer is left", class: "Acto: an object cannot be deleted", workload: "create", as: `(?s)^ConfigMap openshell-gateway-config is not .*finalizers`, bug: editing(theConfig, func(o map[string]any) {
		field(o, "metadata")["finalizers"] = []any{"openshell.ambient-code.io/left"}
	})},
	{name: "the volume goes with the tenant", class: "Sieve: data is lost", workload: "entry removed", as: `^PersistentVolumeClaim openshell-data-openshell-gateway-0 is missing`, bug: before(theBinding, func(i *infection) error {
		return i.of.proxy.admin.Delete(context.Background(), &corev1.PersistentVolumeClaim{ObjectMeta: i.named(manifests.ClaimName)})
	})},
	{name: "a binding is left", class: "Acto: objects outlive what they belong to", workload: "entry removed", as: `^not in time: ClusterRoleBinding gatewaytenant-node-reader is still there`, bug: func(i *infection, request *http.Request) (*http.Response, error) {
		if i.is(request, theBinding) {
			return reply(request, http.StatusNotFound, "NotFound", 0), nil
		}
		return i.next.RoundTrip(request)
	}},
	{name: "an entry's origin is forgotten", class: "Acto: the end state depends on the way to it", workload: "entry added", as: `(?s)^GatewayTenant openshell-gateway is not .*source`, bug: editing("APPLY gatewaytenants/openshell-gateway", func(o map[string]any) {
		delete(field(o, "metadata", "annotations"), v1alpha1.AnnotationSource)
	})},
	{name: "it gives up for a missing right", class: "Acto: what failed is not tried again", workload: "create", kind: "403", at: theService + " #1", as: `^Service openshell-gateway is missing`, bug: forgets(theService)},
	{name: "it gives up for a quota", class: "Acto: what failed is not tried again", workload: "create", kind: "quota", at: theService + " #1", as: `^Service openshell-gateway is missing`, bug: forgets(theService)},
	{name: "it gives up when the server is busy", class: "Acto: what failed is not tried again", workload: "create", kind: "429", at: theService + " #1", as: `^Service openshell-gateway is missing`, bug: forgets(theService)},
	{name: "it gives up when the server is away", class: "Acto: what failed is not tried again", workload: "create", kind: "503", at: theService + " #1", as: `^Service openshell-gateway is missing`, bug: forgets(theService)},
	{name: "sent is taken for done", class: "Acto: an error that is not handed on", workload: "create", kind: "reset", at: theService + " #1", as: `^Service openshell-gateway is missing`, bug: forgets(theService)},
	{name: "a lost answer is taken for a failure", class: "Anvil: what was done is done twice", workload: "create", kind: "reset after", at: theConfig + " #1", as: `^ConfigMap openshell-gateway-config-.* made 1 times, undisturbed 0`, bug: triesElsewhere},
	{name: "a timeout is taken for a failure", class: "Anvil: what was done is done twice", workload: "create", kind: "504 after", at: theConfig + " #1", as: `^ConfigMap openshell-gateway-config-.* made 1 times, undisturbed 0`, bug: triesElsewhere},
	{name: "a stale read is trusted", class: "Sieve: a view of the past is taken for the present", workload: "create", kind: "crash into the past", at: theConfig + " #1", as: `^ConfigMap openshell-gateway-config-.* made 1 times, undisturbed 0`, bug: trustsItsView},
	{name: "a watch that stalls is read no more", class: "Sieve: an event is never seen", workload: "image", kind: "frozen watch", at: theSet + " #1", as: `^not in time: generation 2: Ready`, bug: losesPatience},
	{name: "an object's uid is remembered", class: "Sieve: an event is never seen", workload: "config", kind: "swallowed", at: theConfig + " #1", child: "ConfigMap openshell-gateway-config", as: `^not in time: generation 2: Ready`, bug: remembersUID},
	{name: "what somebody deleted is thought to be there", class: "operator-chaos: drift is not set back", workload: "config", kind: "deletes", at: theSet + " #1", child: "Service openshell-gateway", as: `^Service openshell-gateway is missing`, bug: createsOnly(theService)},
	{name: "the status is said once", class: "Acto: the status does not say what it speaks of", workload: "create", kind: "status lost", at: theStatus + " #2", as: `^GatewayTenant openshell-gateway is not as undisturbed`, bug: saysOnce},
	{name: "certgen is started before its rights are there", class: "Anvil: an order does not hold", workload: "create", as: `^a false alarm was raised: CertificatesReady, IssueFailed`, bug: hurries},
	{name: "a delete is for whatever has the name", class: "Sieve: a late write meets another object", workload: "names", kind: "late write", at: theOldJob + " #1", as: `^Job openshell-gateway-certgen is missing`, bug: deletesByName},
	{name: "what cannot be read is taken for gone", class: "Acto: an error that is not handed on", workload: "names", kind: "reads fail", at: theConfig + " #1", as: `^not in time`, bug: takesFailedForGone},
	{name: "a restore is not waited for", class: "operator-chaos: two writers", workload: "restored, GatewayTenant first", as: `^not in time: the Secret .* is not that of the backup`, bug: overlooksRestores},
	{name: "restored keys are issued again", class: "Acto: more is changed than was asked for", workload: "restored, mixed", as: `^not in time: the Secret openshell-gateway-jwt-keys is not that of the backup`, bug: newKeys},
	{name: "what was restored is deleted first", class: "Sieve: a crash between delete and create", workload: "restored, Secrets and claim first", as: `^StatefulSet openshell-gateway was replaced`, bug: deletesFirst},
	{name: "what a PUT changed is overlooked", class: "Acto: drift is not seen", workload: "contended", as: `^not in time: ConfigMap openshell-gateway-config was not set back`, bug: createsOnly(theConfig)},
	{name: "a refused size is reported for good", class: "Acto: an error that is not taken back", workload: "size withdrawn", as: `^not in time: generation 3: Ready`, bug: sticksTo(v1alpha1.ReasonApplyFailed)},
	{name: "a Secret of another issuer is written", class: "operator-chaos: others' objects are overwritten", workload: "foreign Secrets that fit", as: `^not in time: Secret openshell-server-tls has had`, bug: before(theSet, func(i *infection) error {
		secret := &corev1.Secret{ObjectMeta: i.named(manifests.ServerTLSName)}
		return i.of.proxy.admin.Patch(context.Background(), secret, client.RawPatch(types.MergePatchType, []byte(`{"metadata": {"labels": {"canary": "true"}}}`)))
	})},
	{name: "a Secret is reported as blocked for good", class: "Acto: an error that is not taken back", workload: "foreign Secrets that do not fit", as: `^not in time: generation 2: Ready`, bug: sticksTo(v1alpha1.ReasonSecretBlocked)},
	{name: "a file goes before the pod that mounts it", class: "Anvil: an order does not hold", workload: "upgrade across a breaking step", kind: "restart before", at: theSet + " #1", as: `(?s)^the gateway's container ended by itself: .*No such`, bug: dropsFirstFile},
	{name: "a file is rewritten before its pod is replaced", class: "Anvil: an order does not hold", workload: "upgrade across a breaking step", kind: "restart after", at: theConfig + " #2", as: `(?s)^the gateway's container ended by itself: .*unknown field`, bug: rewritesFile},
	{name: "a key goes before the pod that mounts it", class: "Anvil: an order does not hold", workload: "next config", kind: "crash with restart", at: thePreflight + " #1", as: `^the gateway's pod could not mount its volumes again`, bug: dropsFirstFile},
	{name: "who lost the lease goes on", class: "operator-chaos: two leaders", workload: "create", kind: "change of leader", at: theSet + " #1", as: `^not in time: it is done, and written again`, bug: goesOn},
}

func (i *infection) named(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: i.of.proxy.namespace, Name: name}
}
