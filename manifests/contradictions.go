package manifests

import (
	"fmt"
	"path"
	"strings"
)

// volumePath is where the gateway's volume is mounted. Nothing else in its container can be written.
const volumePath = "/var/openshell"

// contradictions finds what each key may be by itself, and cannot be together or where this gateway runs.
func contradictions(t Tenant, given table) []fault {
	var faults []fault
	found := func(key, format string, args ...any) {
		faults = append(faults, fault{strings.Split(key, "."), func() string { return fmt.Sprintf(format, args...) }})
	}
	gateway := tableAt(given, "openshell", "gateway")
	if _, tokens := gateway["gateway_jwt"]; tokens && !t.sandboxTokens {
		found("openshell.gateway.gateway_jwt", "contradicts spec.sandboxTokens, which is Disabled; leave one of them out")
	}
	if tableAt(gateway, "mtls_auth")["enabled"] == true {
		found("openshell.gateway.mtls_auth.enabled", "cannot be true: no gateway starts with it on Kubernetes; leave it out, since client certificates are demanded anyway")
	}
	rateLimit(gateway, found)
	oidc(gateway, found)
	credentials(gateway, found)
	for _, key := range []string{"external_cert_path", "external_key_path", "external_server_names"} {
		if _, there := tableAt(gateway, "tls")[key]; there {
			found("openshell.gateway.tls."+key, "needs files that are not mounted in the gateway's pod; leave it out, and name the server in spec.serverDnsNames")
		}
	}
	middleware(given, found)
	supervisorImages(t, given, found)
	return faults
}

type finder func(key, format string, args ...any)

// rateLimit must have both of its keys, or neither.
func rateLimit(gateway table, found finder) {
	const requests, window = "grpc_rate_limit_requests", "grpc_rate_limit_window_seconds"
	for key, other := range map[string]string{requests: window, window: requests} {
		if _, there := gateway[key]; there && gateway[other] == nil {
			found("openshell.gateway."+key, "needs %s beside it; set both or neither", other)
		}
	}
}

// oidc roles are both set or both empty, and by default they are set.
func oidc(gateway table, found finder) {
	given, there := gateway["oidc"].(table)
	if !there {
		return
	}
	if tableAt(gateway, "auth")["allow_unauthenticated_users"] == true {
		found("openshell.gateway.auth.allow_unauthenticated_users", "lets everybody in beside openshell.gateway.oidc, which demands no client certificate; leave it out")
	}
	admin, setsAdmin := given["admin_role"]
	user, setsUser := given["user_role"]
	emptyAdmin, emptyUser := setsAdmin && admin == "", setsUser && user == ""
	switch {
	case emptyAdmin && !emptyUser:
		found("openshell.gateway.oidc.admin_role", "is empty and user_role is not; both or neither may be, and each has a default")
	case emptyUser && !emptyAdmin:
		found("openshell.gateway.oidc.user_role", "is empty and admin_role is not; both or neither may be, and each has a default")
	}
}

// credentials are kept by one driver, and encrypted by a key that must be where it can be written.
func credentials(gateway table, found finder) {
	drivers, there := gateway["credential_drivers"].([]any)
	if there && (len(drivers) != 1 || drivers[0] != "kubernetes-secrets" && drivers[0] != "vault") {
		found("openshell.gateway.credential_drivers", `must name one driver, "kubernetes-secrets" or "vault", or be left out`)
	}
	if chosen, is := gateway["default_credential_driver"]; is && (len(drivers) != 1 || chosen != drivers[0]) {
		found("openshell.gateway.default_credential_driver", "must be the one driver in credential_drivers; leave it out")
	}
	storage := tableAt(gateway, "credential_storage")
	if _, is := storage["key_encryption_key_env"]; is {
		found("openshell.gateway.credential_storage.key_encryption_key_env", "names a variable that the gateway's container does not have; leave it out, or set key_encryption_key_path")
	}
	checkKeyPath(storage, found)
}

// checkKeyPath requires a subdirectory of the volume: the gateway restricts the directory of its key to its own user, which
// it is not allowed to do with the volume's root.
func checkKeyPath(storage table, found finder) {
	const key = "openshell.gateway.credential_storage.key_encryption_key_path"
	file, is := storage["key_encryption_key_path"].(string)
	if !is {
		return
	}
	switch file = path.Clean(file); {
	case !strings.HasPrefix(file, volumePath+"/"):
		found(key, "must be below %s: nothing else can be written there", volumePath)
	case file == rootKeyPath:
		found(key, "must be in a subdirectory of %s, because the gateway is not allowed to change the permissions of the volume's root; remove this key: the operator keeps this path for a gateway that is already ready with it", volumePath)
	case path.Dir(file) == volumePath:
		found(key, "must be in a subdirectory of %[1]s, such as %[1]s/keys/%[2]s, because the gateway is not allowed to change the permissions of the volume's root; or remove this key", volumePath, path.Base(file))
	}
}

// middleware needs the limit of its payloads, by one of its two names.
func middleware(given table, found finder) {
	items, _ := tableAt(given, "openshell", "supervisor")["middleware"].([]any)
	for i, item := range items {
		fields, _ := item.(table)
		_, payload := fields["max_payload_bytes"]
		if _, body := fields["max_body_bytes"]; payload == body {
			found(fmt.Sprintf("openshell.supervisor.middleware.%d", i), "needs max_payload_bytes, or max_body_bytes, which is another name of it; set one of them")
		}
	}
}

// supervisorImages run in every sandbox, with more rights than the sandbox has, so they come from where gateways do.
func supervisorImages(t Tenant, given table, found finder) {
	for _, within := range []string{"openshell.gateway", "openshell.drivers.kubernetes"} {
		image, is := tableAt(given, strings.Split(within, ".")...)["supervisor_image"].(string)
		if !is {
			continue
		}
		if _, err := parseImage("", image, t.platform.allowedRepositories); err != nil {
			found(within+".supervisor_image", "cannot be used%s", err)
		}
	}
}
