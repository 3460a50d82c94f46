package gatewaytenant

import "testing"

func TestWordsThatVaryAreNormalised(t *testing.T) {
	for message, want := range map[string]string{
		`pods "openshell-gateway-certgen-x7k2p" is forbidden: exceeded quota: q, requested: pods=1, used: pods=3, limited: pods=3`:      `pods "openshell-gateway-certgen" is forbidden: exceeded quota: q, requested: pods=1, limited: pods=3`,
		"back-off 5m0s restarting failed container=certgen pod=openshell-gateway-certgen-x7k2p_a(6a01d4c8-0d2f-4c4d-9a3b-7d2a3f0e1b2c)": "back-off restarting failed container=certgen pod=openshell-gateway-certgen_a(…)",
		"lookup ghcr.io on 10.0.0.2:53: read udp 10.0.0.5:40822->10.0.0.2:53: i/o timeout":                                              "lookup ghcr.io on 10.0.0.2:53: read udp 10.0.0.5->10.0.0.2:53: i/o timeout",
		"panic: a bug\n\ngoroutine 1 [running]:\nmain.main()":                                                                           "panic: a bug",
		"at 0xc000123abc": "at …",
	} {
		if got := normalise(message); got != want {
			t.Errorf("%q became %q, want %q", message, got, want)
		}
	}
}
