package gatewaytoml

import "cmp"

// defaults returns the keys that the operator sets in addition to the managed ones. A tenant may change them.
func defaults(in Input) table {
	gateway := table{"log_level": "info"}
	if in.Release.DemandsCertificate {
		// Without OIDC, the gateway requires a client certificate, and without this key no user could do anything.
		gateway["auth"] = table{"allow_unauthenticated_users": true}
	}
	if in.SandboxTokens {
		gateway["gateway_jwt"] = table{"ttl_secs": int64(3600)} // by the gateway's own default, tokens do not expire
	}
	if in.Release.EncryptsCredentials { // the gateway's own default is a path that cannot be written
		gateway["credential_storage"] = table{"key_encryption_key_path": SubdirKeyPath}
	}
	return table{"openshell": table{"version": int64(in.Release.Schema), "gateway": gateway, "drivers": table{"kubernetes": driverDefaults(in)}}}
}

// driverDefaults returns the defaults of the driver.
func driverDefaults(in Input) table {
	driver := table{}
	if in.Release.Sideload {
		driver["supervisor_sideload_method"] = SideloadInitContainer
		if in.AppArmorProfile != "" {
			driver["app_armor_profile"] = in.AppArmorProfile
		}
	}
	if in.SupervisorImage != "" || in.Release.SandboxImage || !in.Release.PinnedSupervisor {
		driver["supervisor_image"] = cmp.Or(in.SupervisorImage, in.Release.Image("supervisor"))
	}
	if in.Release.SandboxImage { // gateway, supervisor and sandbox must be of the same release
		driver["sandbox_runtime_image"] = cmp.Or(in.SandboxImage, in.Release.Image("sandbox"))
	}
	return driver
}

// defaultsFor returns the defaults without those that would be wrong in combination with the tenant's keys.
func defaultsFor(in Input, given table) table {
	all := defaults(in)
	gateway := tableAt(given, "openshell", "gateway")
	if _, oidc := gateway["oidc"]; oidc { // the gateway does not require client certificates then, so this key would admit every client
		delete(tableAt(all, "openshell", "gateway"), "auth")
	}
	if _, image := gateway["supervisor_image"]; image { // the driver's own key would take precedence
		delete(tableAt(all, "openshell", "drivers", "kubernetes"), "supervisor_image")
	}
	return all
}
