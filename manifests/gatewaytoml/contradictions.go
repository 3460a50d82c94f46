package gatewaytoml

import (
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/ambient-code/gatewaytenant-operator/manifests/message"
)

// rules find keys whose values are valid by themselves but not together, or not where this gateway runs.
var rules = []func(in Input, given table, found finder){
	sandboxTokens, clientCertificates, unauthenticatedUsers, rateLimit, oidc, proxy, credentials, interceptors, profileSources, middleware,
	sandboxImages, eventLog,
}

// contradictions returns what the rules find, and the managed keys that a text changes.
func contradictions(in Input, given table) []fault {
	faults := changedManagedKeys(in, given)
	found := func(key, format string, args ...any) {
		faults = append(faults, faultf(strings.Split(key, "."), format, args...))
	}
	for _, rule := range rules {
		rule(in, given, found)
	}
	return faults
}

// sandboxTokens rejects the configuration of tokens that the gateway does not issue.
func sandboxTokens(in Input, given table, found finder) {
	if _, tokens := tableAt(given, "openshell", "gateway")["gateway_jwt"]; tokens && !in.SandboxTokens {
		found("openshell.gateway.gateway_jwt", "contradicts spec.sandboxTokens, which is Disabled; remove one of them")
	}
}

// rateLimit requires both keys of the rate limit or neither, unless one is 0, which disables the limit.
func rateLimit(_ Input, given table, found finder) {
	gateway := tableAt(given, "openshell", "gateway")
	const requests, window = "grpc_rate_limit_requests", "grpc_rate_limit_window_seconds"
	for key, other := range map[string]string{requests: window, window: requests} {
		if limit, is := gateway[key].(int64); is && limit != 0 && gateway[other] == nil {
			found("openshell.gateway."+key, "needs %s; set both, or remove it", other)
		}
	}
}

// oidc checks that the roles are both set or both empty. By default they are set.
func oidc(_ Input, given table, found finder) {
	gateway := tableAt(given, "openshell", "gateway")
	provider, there := gateway["oidc"].(table)
	if !there {
		return
	}
	admin, setsAdmin := provider["admin_role"]
	user, setsUser := provider["user_role"]
	emptyAdmin, emptyUser := setsAdmin && admin == "", setsUser && user == ""
	switch {
	case emptyAdmin && !emptyUser:
		found("openshell.gateway.oidc.admin_role", "is empty and user_role is not; set both to an empty text or neither, since each has a default")
	case emptyUser && !emptyAdmin:
		found("openshell.gateway.oidc.user_role", "is empty and admin_role is not; set both to an empty text or neither, since each has a default")
	}
}

// proxy checks the proxy through which sandboxes connect. Its credentials are sent without encryption unless its URL begins with
// https://, and in schema version 1 the sandbox could read them in the topology combined.
func proxy(in Input, given table, found finder) {
	driver := tableAt(given, "openshell", "drivers", "kubernetes")
	const within = "openshell.drivers.kubernetes."
	if driver["https_proxy"] == nil {
		for _, key := range []string{"no_proxy", "proxy_auth_secret_name", "proxy_auth_secret_key", "proxy_connect_by_hostname", "proxy_ca_bundle"} {
			if driver[key] != nil {
				found(within+key, "needs https_proxy; set it, or remove this key")
			}
		}
	}
	named, keyed := driver["proxy_auth_secret_name"] != nil, driver["proxy_auth_secret_key"] != nil
	insecure := driver["proxy_auth_allow_insecure"] == true
	address, _ := driver["https_proxy"].(string)
	encrypted := strings.HasPrefix(strings.ToLower(strings.TrimSpace(address)), "https://")
	switch {
	case named && !keyed:
		found(within+"proxy_auth_secret_name", "needs proxy_auth_secret_key; set both, or remove it")
	case keyed && !named:
		found(within+"proxy_auth_secret_key", "needs proxy_auth_secret_name; set both, or remove it")
	case !named && insecure:
		found(within+"proxy_auth_allow_insecure", "needs proxy_auth_secret_name and proxy_auth_secret_key; set them, or remove it")
	case named && !insecure && !encrypted:
		found(within+"proxy_auth_secret_name", "needs proxy_auth_allow_insecure = true, because the credentials are sent to the proxy without encryption; set it, or remove the credentials")
	case named && in.Release.Schema == 1 && driver["topology"] != "sidecar":
		found(within+"proxy_auth_secret_name", `needs topology = "sidecar", because the sandbox could read the credentials otherwise; set it, or remove the credentials`)
	}
}

// sandboxImages checks the images that the gateway adds to every sandbox, with more rights than the sandbox. They must come from
// the repositories that gateway images may come from.
func sandboxImages(in Input, given table, found finder) {
	for _, key := range []string{"gateway.supervisor_image", "drivers.kubernetes.supervisor_image", "drivers.kubernetes.sandbox_runtime_image"} {
		key = "openshell." + key
		path := strings.Split(key, ".")
		image, is := tableAt(given, path[:len(path)-1]...)[path[len(path)-1]].(string)
		if !is {
			continue
		}
		if image == "" {
			found(key, "is empty; name an image, or remove this key")
		} else if err := in.CheckImage(image); err != nil {
			found(key, "cannot be used%s", err)
		}
	}
}

// eventLog rejects a number of files for a log that is one file, and a log in the place of another file that the text names.
func eventLog(_ Input, given table, found finder) {
	const key = "openshell.gateway.ocsf_log"
	log := tableAt(given, "openshell", "gateway", "ocsf_log")
	if log["rotation"] == "never" && log["max_files"] != nil {
		found(key+".max_files", `needs rotation = "daily"; remove one of them`)
	}
	file, is := log["path"].(string)
	if !is {
		return
	}
	for _, other := range otherFiles(given) {
		if overlap(file, other.file) {
			found(key+".path", "is %q, and %s is %q: the gateway would write its log over that file, or could not create one of the two; name another file",
				message.TruncateMiddle(file), message.TruncateMiddle(other.key), message.TruncateMiddle(other.file))
			return
		}
	}
}

// otherFile is a file on the gateway's volume that a key names.
type otherFile struct{ key, file string }

// otherFiles returns the key-encryption key, files of certificates and tokens, and the sockets that a text names.
func otherFiles(given table) []otherFile {
	var files []otherFile
	var search func(value any, at []string)
	search = func(value any, at []string) {
		switch value := value.(type) {
		case table:
			for _, key := range slices.Sorted(maps.Keys(value)) {
				if key != "ocsf_log" {
					search(value[key], append(slices.Clip(at), key))
				}
			}
		case []any:
			for i, item := range value {
				search(item, append(slices.Clip(at), strconv.Itoa(i)))
			}
		case string:
			file := strings.TrimPrefix(strings.TrimSpace(value), "unix://")
			if strings.HasPrefix(path.Clean(file), VolumePath+"/") {
				files = append(files, otherFile{dotted(at), file})
			}
		}
	}
	search(given, nil)
	return files
}
