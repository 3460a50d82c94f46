package message

import (
	"strings"
	"testing"
)

func TestVariablePartsAreNormalized(t *testing.T) {
	for text, want := range map[string]string{
		`pods "openshell-gateway-certgen-x7k2p" is forbidden: exceeded quota: q, requested: pods=1, used: pods=3, limited: pods=3`:      `pods "openshell-gateway-certgen" is forbidden: exceeded quota: q, requested: pods=1, limited: pods=3`,
		"back-off 5m0s restarting failed container=certgen pod=openshell-gateway-certgen-x7k2p_a(6a01d4c8-0d2f-4c4d-9a3b-7d2a3f0e1b2c)": "back-off restarting failed container=certgen pod=openshell-gateway-certgen_a(…)",
		"lookup ghcr.io on 10.0.0.2:53: read udp 10.0.0.5:40822->10.0.0.2:53: i/o timeout":                                              "lookup ghcr.io on 10.0.0.2:53: read udp 10.0.0.5->10.0.0.2:53: i/o timeout",
		"read udp [fd00::5]:40822->[fd00::2]:53: i/o timeout":                                                                           "read udp [fd00::5]->[fd00::2]:53: i/o timeout",
		"panic: a bug\n\ngoroutine 1 [running]:\nmain.main()":                                                                           "panic: a bug",
		"at 0xc000123abc": "at …",
		"\x1b[2m2026-11-29T10:00:07.123456Z\x1b[0m \x1b[31mERROR\x1b[0m a": "… ERROR a",
		"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\\x07":                     "link",
		"2026-11-29 10:00:07,123 UTC a":                                    "… a",
		"2026/11/29 10:00:07 a":                                            "… a",
		"Sun, 29 Nov 2026 10:00:07 GMT: a":                                 "…: a",
		"E1129 10:00:07.123456   17 a":                                     "E… a",
		"[10:00:07.123] a":                                                 "[…] a",
		`{"ts":1795953607.123,"msg":"a"}`:                                  `{"ts":…,"msg":"a"}`,
		"took 12.5ms, 3.25s":                                               "took …, …",
		"attempt 3/5, retry #2, pid=17":                                    "attempt …, retry #…, pid=…",
		"denied: request id: 7f3a-99, RequestID=ab12":                      "denied: request id: …, RequestID=…",
		"Back-off 1m20s pulling":                                           "back-off pulling",
		"unmounted volumes=[kube-api-access-x7k2p]":                        "unmounted volumes=[kube-api-access]",
		"container " + strings.Repeat("ab", 32) + " of trace " + strings.Repeat("0a", 16): "container … of trace …",
		// Names of objects and images stay.
		"volume pvc-6a01d4c8-0d2f-4c4d-9a3b-7d2a3f0e1b2c":                                    "volume pvc-6a01d4c8-0d2f-4c4d-9a3b-7d2a3f0e1b2c",
		"gateway@sha256:" + strings.Repeat("ab", 32):                                         "gateway@sha256:" + strings.Repeat("ab", 32),
		`sandbox name "openshell-gateway-0_tenant-a_6a01d4c8-0d2f-4c4d-9a3b-7d2a3f0e1b2c_4"`: `sandbox name "openshell-gateway-0_tenant-a_…"`,
	} {
		if got := Normalize(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

func TestNumbersMayDiffer(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"port 41022 after 3.5ms, id a1b2", "port 50001 after 12ms, id 77fe", true},
		{"10.0.0.1:80 refused", "10.0.0.2:81 refused", true},
		{"no such file", "no such key", false},
		{"failed after 3 tries", "failed", false},
	} {
		if got := EqualExceptNumbers(c.a, c.b); got != c.same {
			t.Errorf("%q and %q: %v", c.a, c.b, got)
		}
	}
}

// TestDifferenceOfObjectsIsRemoved: it takes many lines, and its white space varies.
func TestDifferenceOfObjectsIsRemoved(t *testing.T) {
	const cause = "spec: Forbidden: spec is immutable after creation except resources.requests for bound claims"
	for _, space := range []string{" ", "\u00a0", "\t"} {
		text := cause + "\n" + space + space + "core.PersistentVolumeClaimSpec{\n- \tVolumeName: \"a\",\n+ \tVolumeName: \"\",\n" + space + space + "}\n"
		if got := ReplaceVariable(text); got != cause {
			t.Errorf("%q became %q", text, got)
		}
	}
	if several := "the first error\nthe second error"; ReplaceVariable(several) != several {
		t.Error("a second error is removed, too")
	}
}
