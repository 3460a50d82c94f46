package gatewaytoml

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestEarlierConfigOfALargeSpecIsRead: a gateway.toml can be larger than the spec.config that it is rendered from. It has the
// defaults, and a header for each inline table.
func TestEarlierConfigOfALargeSpecIsRead(t *testing.T) {
	many := func(n int, format string) string { // an array of n items
		items := make([]string, n)
		for i := range items {
			items[i] = fmt.Sprintf(format, i)
		}
		return "[" + strings.Join(items, ",") + "]"
	}
	const driver = "[openshell.gateway]\ncredential_drivers = ['a']\n[openshell.credential_drivers.a]\ntransport = 'uds'\nsocket_path = '/var/openshell/a'\n"
	configs := costlyConfigs(maxConfigLength)
	for what, config := range map[string]string{
		"interceptors":         "openshell.gateway.interceptors = " + many(330, "{name='n%[1]d',grpc_endpoint='http://a:1',order=%[1]d,timeout='1s'}"),
		"a long text":          "openshell.drivers.kubernetes.default_image='" + strings.Repeat("x", 65_300) + "'",
		"a wide text":          "openshell.drivers.kubernetes.default_image='" + strings.Repeat("€", 40_000) + "'",
		"keys":                 driver + lines(12_000, "k%d=1\n"),
		"empty tables":         driver + "x = [" + strings.Repeat("{},", 1900) + "]",
		"tables of their own":  driver + lines(14_000, "k%d={}\n"),
		"deep tables":          driver + strings.Repeat("a.", 10) + "x = " + many(900, "{a=%d}"),
		"deep distinct tables": driver + "d.e.f.g.h.i = {" + strings.TrimSuffix(lines(14_000, "k%d={},"), ",") + "}",
		"arrays":               driver + "x = " + many(900, "[%d]"),
	} {
		configs[what] = config
		if _, err := New(input("0.0.100", config)); err != nil {
			t.Errorf("%s: it is not permitted: %v", what, err)
		}
	}
	for what, config := range configs {
		file, err := New(input("0.0.100", config))
		if err != nil {
			continue // no gateway has it
		}
		text, err := file.Text(SubdirKeyPath, Kept{"tenant-a", SideloadUnset})
		if err != nil {
			t.Fatal(err)
		}
		if values, known := ReadKept(string(text), "tenant-a"); !known || values != (Kept{"tenant-a", SideloadUnset}) {
			t.Errorf("%s: a gateway.toml of %d bytes has %+v, %t", what, len(text), values, known)
		}
		checkCostOfReading(t, what, string(text))
	}
}

// TestEarlierConfigIsReadAtABoundedCost: any client with access to the namespace may have written it.
func TestEarlierConfigIsReadAtABoundedCost(t *testing.T) {
	texts := costlyConfigs(maxRenderedSize)
	texts["headers"] = lines(maxRenderedSize, "[a%d]\n")
	texts["headers and keys"] = lines(16_000, "a%d=1\n") + lines(maxRenderedSize/2, "[z.a%d]\n")
	texts["too large"] = fill(8*maxRenderedSize, "", "a", "=1")
	for what, text := range texts {
		checkCostOfReading(t, what, text)
	}
}

func checkCostOfReading(t *testing.T, what, text string) {
	t.Helper()
	mostAllocated, mostTime := costlyConfigLimits(text)
	var allocated uint64
	var took time.Duration
	for range 5 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		_, _ = ReadKept(text, "tenant-a") // only the cost matters here
		took = time.Since(start)
		runtime.ReadMemStats(&after)
		if allocated = after.TotalAlloc - before.TotalAlloc; allocated <= mostAllocated && took <= mostTime {
			break
		}
	}
	t.Logf("%-26s %6d bytes: %8d bytes allocated, %s", what, len(text), allocated, took)
	if allocated > mostAllocated || took > mostTime {
		t.Errorf("%s, %d bytes: %d bytes allocated in %s; want at most %d in %s", what, len(text), allocated, took, mostAllocated, mostTime)
	}
}
