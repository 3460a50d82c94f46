package gatewaytenant

import "slices"

// unsureOfKeyPath says which of the objects that decide on the path of the gateway's key cannot be read.
func (f *Forecast) unsureOfKeyPath(unreadable []string) {
	for _, one := range []struct{ kind, unsure string }{
		{"Pod", "the gateway's pod cannot be read: if its termination message says that the gateway found no key at the old path, the operator uses the new path"},
		{"StatefulSet", "the StatefulSet cannot be read: if its gateway is ready, the operator keeps the path that it uses"},
		{"ConfigMap", "the ConfigMap cannot be read: if the gateway is ready with its gateway.toml, the operator keeps the path in it"},
		{"PersistentVolumeClaim", "the volume claim cannot be read: it may record the path"},
	} {
		if slices.Contains(unreadable, one.kind) {
			f.Unsure, f.Unknown = append(f.Unsure, one.unsure), true
		}
	}
}

// unsureOfEarlierConfig says that the gateway.toml cannot be read that decides on what the gateway keeps.
func (f *Forecast) unsureOfEarlierConfig(unreadable []string) {
	if slices.Contains(unreadable, "ConfigMap") {
		f.Unsure, f.Unknown = append(f.Unsure, "the ConfigMap cannot be read: the operator keeps the gateway_id and the supervisor_sideload_method that it has"), true
	}
}
