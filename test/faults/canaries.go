package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/earlier"
)

const (
	theService = "APPLY services/openshell-gateway"
	theConfig  = "APPLY configmaps/openshell-gateway-config"
	theSet     = "APPLY statefulsets/openshell-gateway"
	theJob     = "APPLY jobs/openshell-gateway-certgen"
	theStatus  = "PATCH gatewaytenants/openshell-gateway/status"
	theBinding = "DELETE clusterrolebindings/gatewaytenant-node-reader"
)

// canaries are deliberate bugs, each of a class that was found in published operators.
var canaries = []*canary{
	{name: "an error is dropped", class: "Acto: an error that is not handed on", workload: "create", kind: "500", at: theService + " #1", bug: forgets(theService)},
	{name: "a conflict is taken for success", class: "Acto: an error that is not handed on", workload: "create", kind: "409", at: theSet + " #1", bug: forgets(theSet)},
	{name: "done is noted before it is done", class: "Sieve: an intermediate state is not taken up again", workload: "create", kind: "crash before", at: theService + " #1", bug: notesFirst},
	{name: "an object is made under another name in each life", class: "Sieve: an intermediate state is not taken up again", workload: "create", kind: "crash after", at: theSet + " #1", bug: namesAnew},
	{name: "a watch that broke is not begun again", class: "Sieve: an event is never seen", workload: "image", kind: "relist", at: theSet + " #1", bug: goesDeaf},
	{name: "the StatefulSet is deleted before it is made", class: "Sieve: a crash between delete and create", workload: "image", bug: deletesFirst},
	{name: "a certificate is deleted before it is issued", class: "Sieve: a crash between delete and create", workload: "names", bug: withoutSecret},
	{name: "token keys are made anew with the certificates", class: "Acto: more is changed than was asked for", workload: "names", bug: newKeys},
	{name: "an owner is forgotten", class: "Acto: objects outlive what they belong to", workload: "create", bug: editing(theConfig, func(o map[string]any) {
		delete(field(o, "metadata"), "ownerReferences")
	})},
	{name: "an owner's uid is wrong", class: "operator-chaos: the garbage collector removes what is in use", workload: "create", bug: editing(theService, func(o map[string]any) {
		for _, owner := range field(o, "metadata")["ownerReferences"].([]any) {
			owner.(map[string]any)["uid"] = "00000000-0000-0000-0000-000000000000"
		}
	})},
	{name: "part of a Secret is applied", class: "Anvil: a partial write is taken for a whole one", workload: "lost certificate", bug: partOfSecret},
	{name: "a foreign element of a list is overlooked", class: "Acto: drift is not seen", workload: "config", kind: "changes", at: theConfig + " #1", child: "Service openshell-gateway", bug: overlooks},
	{name: "ownership is not forced", class: "operator-chaos: drift is not set back", workload: "config", kind: "changes", at: theSet + " #1", child: "ConfigMap openshell-gateway-config", bug: asksNicely},
	{name: "others' labels are removed", class: "operator-chaos: others' fields are overwritten", workload: "config", kind: "changes", at: theSet + " #1", child: "ConfigMap openshell-gateway-config", bug: tidies},
	{name: "the status is written all the time", class: "operator-chaos: a loop that never ends", workload: "create", bug: statusForever},
	{name: "a time is in what is applied", class: "Acto: the end state depends on the way to it", workload: "config", bug: editing(theSet, func(o map[string]any) {
		field(o, "spec", "template", "metadata", "annotations")["kubectl.kubernetes.io/restartedAt"] = time.Now().String()
	})},
	{name: "observedGeneration is forgotten", class: "Acto: the status does not say what it speaks of", workload: "create", bug: editing(theStatus, func(o map[string]any) {
		delete(field(o, "status"), "observedGeneration")
	})},
	{name: "Ready is said too early", class: "Anvil: the status is not true", workload: "create", bug: editing(theStatus, saysReady)},
	{name: "another namespace is written to", class: "operator-chaos: a tenant reaches another", workload: "create", bug: strays},
	{name: "two write at once", class: "operator-chaos: two leaders", workload: "create", bug: twoWriters},
	{name: "what is there is never updated", class: "Acto: a change of the spec does not arrive", workload: "config", bug: createsOnly},
	{name: "a finalizer is left", class: "Acto: an object cannot be deleted", workload: "create", bug: editing(theConfig, func(o map[string]any) {
		field(o, "metadata")["finalizers"] = []any{"openshell.ambient-code.io/left"}
	})},
	{name: "the volume goes with the tenant", class: "Sieve: data is lost", workload: "entry removed", bug: before(theBinding, func(i *infection) error {
		return i.of.proxy.admin.Delete(context.Background(), &corev1.PersistentVolumeClaim{ObjectMeta: i.named(manifests.ClaimName)})
	})},
	{name: "a binding is left", class: "Acto: objects outlive what they belong to", workload: "entry removed", bug: func(i *infection, request *http.Request) (*http.Response, error) {
		if i.is(request, theBinding) {
			return reply(request, http.StatusNotFound, "NotFound", 0), nil
		}
		return i.next.RoundTrip(request)
	}},
	{name: "an entry's origin is forgotten", class: "Acto: the end state depends on the way to it", workload: "entry added", bug: editing("APPLY gatewaytenants/openshell-gateway", func(o map[string]any) {
		delete(field(o, "metadata", "annotations"), v1alpha1.AnnotationSource)
	})},
}

func (i *infection) named(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: i.of.proxy.namespace, Name: name}
}

// editing changes what a write says.
func editing(key string, edit func(object map[string]any)) func(*infection, *http.Request) (*http.Response, error) {
	return func(i *infection, request *http.Request) (*http.Response, error) {
		if i.is(request, key) {
			request = rewrite(request, edit)
		}
		return i.next.RoundTrip(request)
	}
}

// before does something before a write.
func before(key string, do func(*infection) error) func(*infection, *http.Request) (*http.Response, error) {
	return func(i *infection, request *http.Request) (*http.Response, error) {
		if i.is(request, key) {
			if err := client.IgnoreNotFound(do(i)); err != nil {
				return nil, err
			}
		}
		return i.next.RoundTrip(request)
	}
}

// forgets a failure of a write, and believes ever after that it was done.
func forgets(key string) func(*infection, *http.Request) (*http.Response, error) {
	return func(i *infection, request *http.Request) (*http.Response, error) {
		if !i.is(request, key) {
			return i.next.RoundTrip(request)
		}
		bodyOf(request)
		if _, believes := i.mine.Load(key); believes {
			return pretend(request), nil
		}
		like := another(request, request.Method, request.URL.Path, jsonOf(request))
		response, err := i.next.RoundTrip(like)
		if err == nil && response.StatusCode >= http.StatusBadRequest {
			i.mine.Store(key, true)
			drop(response, err)
			return pretend(request), nil
		}
		return response, err
	}
}

func notesFirst(i *infection, request *http.Request) (*http.Response, error) {
	if i.is(request, theService) {
		if by, noted := i.memory.LoadOrStore(theService, i); noted && by != any(i) {
			return pretend(request), nil
		}
	}
	return i.next.RoundTrip(request)
}

func namesAnew(i *infection, request *http.Request) (*http.Response, error) {
	if i.is(request, theConfig) {
		return before(theConfig, func(i *infection) error {
			config := &corev1.ConfigMap{ObjectMeta: i.named("")}
			config.GenerateName = "openshell-gateway-config-"
			return i.of.proxy.admin.Create(context.Background(), config)
		})(i, request)
	}
	return i.next.RoundTrip(request)
}

func goesDeaf(i *infection, request *http.Request) (*http.Response, error) {
	if _, deaf := i.mine.Load("deaf"); deaf && watches(request) {
		<-request.Context().Done()
		return nil, request.Context().Err()
	}
	response, err := i.next.RoundTrip(request)
	if err == nil && watches(request) && response.StatusCode == http.StatusGone {
		i.mine.Store("deaf", true)
	}
	return response, err
}

func deletesFirst(i *infection, request *http.Request) (*http.Response, error) {
	if i.is(request, theSet) {
		drop(i.next.RoundTrip(another(request, http.MethodDelete, request.URL.Path, nil)))
	}
	return i.next.RoundTrip(request)
}

var withoutSecret = before(theJob, func(i *infection) error {
	return i.of.proxy.admin.Delete(context.Background(), &corev1.Secret{ObjectMeta: i.named(manifests.ServerTLSName)})
})

var newKeys = before(theJob, func(i *infection) error {
	secrets, err := earlier.Secrets(i.of.proxy.namespace)
	if err != nil {
		return err
	}
	there := &corev1.Secret{}
	if err := i.of.proxy.admin.Get(context.Background(), client.ObjectKey{Namespace: i.of.proxy.namespace, Name: manifests.TokenKeysName}, there); err != nil {
		return err
	}
	there.Data = secrets[len(secrets)-1].Data
	return i.of.proxy.admin.Update(context.Background(), there)
})

var partOfSecret = before(theJob, func(i *infection) error {
	part := fmt.Sprintf(`{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": %q, "labels": {"app.kubernetes.io/name": "openshell"}}}`, manifests.ServerTLSName)
	return i.of.proxy.admin.Patch(context.Background(), &corev1.Secret{ObjectMeta: i.named(manifests.ServerTLSName)},
		client.RawPatch(types.ApplyPatchType, []byte(part)), client.FieldOwner("canary"))
})
