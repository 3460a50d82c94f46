package gatewaytoml

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// lines repeats a format with rising numbers, up to a size.
func lines(size int, format string) string {
	var text strings.Builder
	for i := 0; ; i++ {
		line := fmt.Sprintf(format, i)
		if text.Len()+len(line) > size {
			return text.String()
		}
		text.WriteString(line)
	}
}

// fill repeats a text between two others, up to a size.
func fill(size int, head, unit, tail string) string {
	return head + strings.Repeat(unit, (size-len(head)-len(tail))/len(unit)) + tail
}

// costlyConfigs are texts that once cost time or memory out of proportion, or might, of about the given size.
func costlyConfigs(size int) map[string]string {
	long := strings.Repeat("k", size/2-100)
	return map[string]string{
		"dotted key":                 fill(size, "", "a.", "a=1"),
		"dotted header":              fill(size, "[", "a.", "a]\nx=1"),
		"dotted array header":        fill(size, "[[", "a.", "a]]\nx=1"),
		"nested inline tables":       "[openshell.drivers.x]\na=" + strings.Repeat("{a=", size/5) + "1" + strings.Repeat("}", size/5),
		"nested arrays":              "[openshell.drivers.x]\na=" + strings.Repeat("[", size/3) + strings.Repeat("]", size/3),
		"nested beyond the parser":   fill(size, "a=", "[", ""),
		"nested open inline tables":  fill(size, "a=", "{a=", ""),
		"array of arrays":            fill(size, "[openshell.drivers.x]\na=[", "[],", "]"),
		"array of numbers":           fill(size, "[openshell.drivers.x]\na=[", "1,", "]"),
		"array of large numbers":     fill(size, "[openshell.drivers.x]\na=[", "1e308,", "]"),
		"large numbers, selected":    fill(9000, "[openshell.gateway]\nprovider_profile_sources=[{type='user',a=[", "1e308,", "]}]"),
		"unknown keys":               lines(size, "k%d=1\n"),
		"unknown keys of a table":    "[openshell.gateway]\n" + lines(size-30, "k%d=1\n"),
		"fewer unknown keys":         "[openshell.gateway]\n" + lines(14_000, "k%d=1\n") + fill(size-14_000, "#", "a", ""),
		"keys of an unused table":    "[openshell.drivers.x]\n" + lines(size-30, "k%d=1\n"),
		"headers":                    lines(size, "[openshell.drivers.x.k%d]\n"),
		"array headers":              fill(size, "", "[[a]]\n", ""),
		"items that lack keys":       fill(size, "[openshell.supervisor]\nmiddleware=[", "{},", "]"),
		"names of drivers":           "[openshell.gateway]\ncredential_drivers=[" + lines(9000, "'k%d',") + "]\n[openshell.credential_drivers]\n" + lines(9000, "k%d={}\n"),
		"interceptors":               lines(size, "[[openshell.gateway.interceptors]]\nname='%d'\ngrpc_endpoint='http://a'\n"),
		"bindings of an interceptor": "[[openshell.gateway.interceptors]]\nname='a'\ngrpc_endpoint='unix:///var/openshell/a'\nbinding_policy='exact'\nbindings=[" + lines(20_000, "{rpc='a/%d',phases=['validate']},") + "]",
		"sources":                    fill(size, "[openshell.gateway]\nprovider_profile_sources=[", "{type='user'},", "]"),
		"names of middleware":        "[openshell.supervisor]\nmiddleware=[" + lines(size-50, "{name='a',grpc_endpoint='http://%d'},") + "]",
		"a long URL":                 fill(size, "openshell.gateway.oidc={audience='a',issuer='http://", "a.", "a'}"),
		"a long path":                fill(size, "openshell.gateway.credential_storage.key_encryption_key_path='/var/openshell", "/..", "/a'"),
		"long key above tables":      "[openshell.drivers.x." + long + "]\na={" + lines(size/2-100, "k%d={},") + "z={}}",
		"long key above few tables":  "[openshell.gateway]\nprovider_profile_sources=[{type='user'," + long + "={" + lines(10_000, "k%d={},") + "z={}}}]",
		"long duplicate key":         long + "=1\n" + long + "=1",
		"long number":                fill(size, "a=", "9", ""),
		"long fraction":              fill(size, "a=0.", "9", ""),
		"comment":                    fill(size, "#", "a", ""),
		"empty lines":                fill(size, "", "\n", "a=1"),
		"keys before a syntax error": lines(size-10, "k%d=1\n") + "=",
		"open string":                fill(size, `a="`, `\n`, ""),
	}
}

// costlyConfigLimits returns how much memory and time the evaluation of a text may take. Both are linear in the text. The memory is
// about three times what the costliest texts take. The time is a hundred times as much, for machines that are busy.
func costlyConfigLimits(config string) (allocated uint64, took time.Duration) {
	n := len(config)
	return uint64(4<<20 + 300*n), 300*time.Millisecond + time.Duration(n)*6*time.Microsecond //nolint:gosec // it is not negative
}

// costOf returns what New allocates, and the time it takes. Both are measured again, up to five times, while they
// exceed the limits: other work on the machine delays one run, and rarely five.
func costOf(in Input, mostAllocated uint64, mostTime time.Duration) (allocated uint64, took time.Duration) {
	for range 5 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		_, _ = New(in) // only the cost matters here
		took = time.Since(start)
		runtime.ReadMemStats(&after)
		if allocated = after.TotalAlloc - before.TotalAlloc; allocated <= mostAllocated && took <= mostTime {
			break
		}
	}
	return allocated, took
}

// TestCostOfAConfigIsLinear: one operator evaluates the texts of all tenants, so none may take its time or memory from the
// others.
func TestCostOfAConfigIsLinear(t *testing.T) {
	for _, size := range []int{20_000, 65_536} {
		for name, config := range costlyConfigs(size) {
			checkCost(t, "0.0.111", name, config)
			checkCost(t, "0.1.5", name, config)
		}
	}
}

func checkCost(t *testing.T, version, name, config string) {
	t.Helper()
	mostAllocated, mostTime := costlyConfigLimits(config)
	allocated, took := costOf(input(version, config), mostAllocated, mostTime)
	t.Logf("%s %-26s %5d bytes: %8d bytes allocated, %s", version, name, len(config), allocated, took)
	if allocated > mostAllocated || took > mostTime {
		t.Errorf("%s, %d bytes: %d bytes allocated in %s; want at most %d in %s", name, len(config), allocated, took, mostAllocated, mostTime)
	}
	file, err := New(input(version, config))
	if err != nil && len(err.Error()) > 3000 {
		t.Errorf("%s, %d bytes: the message has %d bytes", name, len(config), len(err.Error()))
	}
	if len(file.text) > maxRenderedSize {
		t.Errorf("%s, %d bytes: gateway.toml has %d bytes", name, len(config), len(file.text))
	}
}

// FuzzCostOfAConfigIsLinear looks for a text that costs more.
func FuzzCostOfAConfigIsLinear(f *testing.F) {
	for _, config := range costlyConfigs(20_000) {
		f.Add(config)
	}
	for _, c := range TOMLCases(f) {
		f.Add(c.TOML)
	}
	f.Fuzz(func(t *testing.T, config string) {
		if utf8.RuneCountInString(config) > maxConfigLength {
			return // the API rejects it
		}
		mostAllocated, mostTime := costlyConfigLimits(config)
		allocated, took := costOf(input("0.0.111", config), mostAllocated, mostTime)
		if allocated > mostAllocated || took > mostTime {
			t.Errorf("%d bytes: %d bytes allocated in %s; want at most %d in %s", len(config), allocated, took, mostAllocated, mostTime)
		}
		file, err := New(input("0.0.111", config))
		if err != nil && len(err.Error()) > 3000 {
			t.Errorf("the message has %d bytes: %.300s", len(err.Error()), err)
		}
		if len(file.text) > maxRenderedSize {
			t.Errorf("gateway.toml has %d bytes", len(file.text))
		}
	})
}
