package gatewaytoml

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ambient-code/gatewaytenant-operator/manifests/message"
)

// interceptable are the methods of interceptableService that gateways let interceptors handle.
var interceptable = strings.Fields(`CreateSandbox AttachSandboxProvider DetachSandboxProvider DeleteSandbox CreateSshSession ExposeService DeleteService
	RevokeSshSession CreateProvider ImportProviderProfiles UpdateProviderProfiles UpdateProvider ConfigureProviderRefresh RotateProviderCredential
	DeleteProviderRefresh DeleteProvider DeleteProviderProfile UpdateConfig SubmitPolicyAnalysis ApproveDraftChunk RejectDraftChunk ApproveAllDraftChunks
	EditDraftChunk UndoDraftChunk ClearDraftChunks`)

const interceptableService = "openshell.v1.OpenShell"

// interceptorBindings checks the bindings of an interceptor. With the binding policy dynamic, they change bindings that the
// service declares. With the others, they list all bindings that are allowed.
func interceptorBindings(within string, interceptor table, found finder) {
	policy, _ := interceptor["binding_policy"].(string)
	strict := policy == "allowlist" || policy == "exact"
	ids, methods := map[string]bool{}, map[string]bool{}
	for i, binding := range tablesOf(interceptor["bindings"]) {
		at := fmt.Sprintf("%s.bindings.%d", within, i)
		method, problem := boundMethod(binding)
		id, hasID := binding["id"].(string)
		switch {
		case problem != "":
			found(at, "%s", problem)
		case method != "" && methods[method]:
			found(at, "is for %s, like another binding; remove one of them", message.TruncateMiddle(method))
		case hasID && ids[id]:
			found(at+".id", "is %q, which is also the id of another binding; remove one of them", message.TruncateMiddle(id))
		case strict:
			strictBinding(at, method, binding, interceptor, found)
		}
		methods[method], ids[id] = true, hasID || ids[id]
	}
}

// boundMethod returns the method that a binding is for, empty if it names none, and what is wrong with its name.
func boundMethod(binding table) (method, problem string) {
	text := func(key string) string {
		text, _ := binding[key].(string)
		return strings.TrimSpace(text)
	}
	rpc, service, name := text("rpc"), text("service"), text("method")
	switch {
	case rpc != "":
		before, after, _ := strings.Cut(rpc, "/")
		if before == "" || after == "" || strings.Contains(after, "/") {
			return "", fmt.Sprintf("has rpc = %q; it must be service/method, such as %s/CreateSandbox", message.TruncateMiddle(rpc), interceptableService)
		}
		return rpc, ""
	case (service == "") != (name == ""):
		return "", "needs both service and method; set both, or rpc"
	case service == "":
		return "", ""
	}
	return service + "/" + name, ""
}

// strictBinding checks a binding of an interceptor whose binding policy allows only the listed ones.
func strictBinding(at, method string, binding, interceptor table, found finder) {
	text := func(key string) string { text, _ := binding[key].(string); return text }
	both := notBlank(text("rpc")) && (notBlank(text("service")) || notBlank(text("method")))
	phases, _ := binding["phases"].([]any)
	failure, is := binding["failure_policy"]
	if !is {
		failure = interceptor["failure_policy"]
	}
	service, name, _ := strings.Cut(method, "/")
	switch {
	case binding["id"] != nil:
		found(at+".id", "can be set only with binding_policy = %q; remove it, and name the method in rpc", "dynamic")
	case binding["disabled"] == true:
		found(at+".disabled", "can be true only with binding_policy = %q; remove the binding instead", "dynamic")
	case both || method == "":
		found(at, "needs the method that it is for, either in rpc or in service and method; set one of the two")
	case service != interceptableService || !slices.Contains(interceptable, name):
		found(at, "is for %s, which interceptors cannot handle; they handle the methods %s of %s", message.TruncateMiddle(method), strings.Join(interceptable, ", "), interceptableService)
	case len(phases) == 0:
		found(at, "needs at least one phase in phases; set it")
	case hasDuplicate(phases):
		found(at+".phases", "has a phase twice; remove one of them")
	case slices.Contains(phases, any("post_commit")) && failure != "fail_open":
		found(at, `has the phase post_commit, which needs failure_policy = "fail_open"; set it, or remove the phase`)
	}
}

func hasDuplicate(items []any) bool {
	seen := map[any]bool{}
	for _, item := range items {
		if text, is := item.(string); is {
			if seen[text] {
				return true
			}
			seen[text] = true
		}
	}
	return false
}
