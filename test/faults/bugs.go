package main

import (
	"context"
	"fmt"
	"net/http"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/earlier"
)

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
		if err != nil || response.StatusCode >= http.StatusBadRequest {
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

// makeCopy makes an object of the operator's once more, under another name.
func (i *infection) makeCopy() {
	config := &corev1.ConfigMap{ObjectMeta: i.named("")}
	config.GenerateName = manifests.ConfigName + "-"
	if err := i.of.proxy.admin.Create(context.Background(), config); err != nil {
		panic(err) // then the canary shows nothing
	}
}

// namesAnew begins each life but the first by making under another name what is there.
func namesAnew(i *infection, request *http.Request) (*http.Response, error) {
	if writes(request) {
		i.begun.Do(func() {
			if _, lived := i.memory.LoadOrStore("lived", true); lived {
				i.makeCopy()
			}
		})
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
