package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// result is all that was measured in a run.
type result struct {
	Figures map[string]float64
	Machine string
	Day     string

	plan                    plan
	ratios                  []ratio // by pair
	floors, operators       []times // by pair
	fewFloors, fewOperators []times // the same with few tenants
	fewHeap                 float64 // bytes
}

// ratio is that of the operator's times to the floor's.
type ratio struct{ Exist, Ready float64 }

func newResult(p plan) *result {
	return &result{
		Figures: map[string]float64{"tenants": float64(p.tenants)}, Machine: machine(), Day: time.Now().Format(time.DateOnly), plan: p,
	}
}

func (r *result) set(key string, value float64) {
	r.Figures[key] = math.Round(value*1000) / 1000
}

// pair says how a pair went.
func (r *result) pair(i int) {
	floorExist, floorReady := r.floors[i].last()
	exist, ready := r.operators[i].last()
	r.ratios = append(r.ratios, ratio{exist / floorExist, ready / floorReady})
	say("pair %d of %d: the operator needs %.3f times the floor's time until all exist, and %.3f times until all are Ready",
		i+1, r.plan.pairs, exist/floorExist, ready/floorReady)
}

// compare works out what only all legs together tell.
func (r *result) compare() {
	var exists, readys []float64
	for _, ratio := range r.ratios {
		exists, readys = append(exists, ratio.Exist), append(readys, ratio.Ready)
	}
	r.set("ratio_exist", median(exists))
	r.set("ratio_ready", median(readys))
	r.set("growth", perTenant(r.operators)/perTenant(r.fewOperators))
	r.set("floor_growth", perTenant(r.floors)/perTenant(r.fewFloors))
}

// perTenant is how long one tenant takes until it exists, in seconds.
func perTenant(legs []times) float64 {
	var each []float64
	for _, t := range legs {
		exist, _ := t.last()
		each = append(each, exist/float64(len(t.Exist)))
	}
	return median(each)
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// words are the figures as people read them, in the order of the table.
var words = []struct{ key, text string }{
	{"ratio_exist", "time until all objects exist ÷ the floor's"},
	{"ratio_ready", "time until all are Ready ÷ the floor's"},
	{"growth", "time per tenant ÷ that of a tenth (small: a fifth) as many"},
	{"floor_growth", "the same of the floor: what the API server itself takes longer"},
	{"object_writes_per_tenant", "writes of objects, per new tenant"},
	{"status_writes_per_tenant", "writes of status, per new tenant"},
	{"writes_per_tenant", "both"},
	{"events_per_tenant", "Events, per new tenant"},
	{"cpu_ms_per_tenant", "the operator's processor time, per new tenant, ms"},
	{"cluster_writes_per_tenant", "writes by all clients in the cluster, per new tenant"},
	{"bridge_writes", "writes by the bridge where there is no platform-config"},
	{"conflicts", "replies 409: conflicts and AlreadyExists"},
	{"late_watches", "watches that a replica begins only when it leads"},
	{"live_reads", "reads from the API server that a cache could answer"},
	{"ledger_differences", "requests on which client and API server do not agree"},
	{"steady_writes", "writes while nothing changes"},
	{"resync_writes", "writes in a forced resync"},
	{"restart_writes", "writes after a restart"},
	{"restart_s", "restart: until caches are filled and all are looked at, s"},
	{"restart_newcomer_ms", "a tenant that comes meanwhile: until its objects exist, ms"},
	{"one_entry_p99_ms", "one entry changed: until its StatefulSet is written, p99, ms"},
	{"one_entry_other_writes", "writes for tenants whose entry did not change"},
	{"idle_p50_ms", "one tenant alone: until all exists that waits for no certificate, p50, ms"},
	{"heap_kib_per_tenant", "live heap per tenant, KiB"},
	{"rss_mib", "resident memory with all tenants, MiB"},
	{"delete_writes_per_tenant", "all deleted: the operator's writes per tenant"},
	{"delete_reads_per_tenant", "and its confirming reads"},
	{"leftovers", "objects left"},
}

// table is the figures for people, in Markdown.
func (r *result) table(limits limits) string {
	var text strings.Builder
	fmt.Fprintf(&text, "| figure | reached | limit |\n|---|---:|---:|\n")
	for _, w := range words {
		if value, measured := r.Figures[w.key]; measured {
			fmt.Fprintf(&text, "| %s | %s | %s |\n", w.text, number(value), limits[w.key])
		}
	}
	return text.String()
}

func number(value float64) string {
	switch {
	case value == math.Trunc(value):
		return fmt.Sprintf("%.0f", value)
	case value >= 100:
		return fmt.Sprintf("%.0f", value)
	case value >= 10:
		return fmt.Sprintf("%.1f", value)
	}
	return fmt.Sprintf("%.2f", value)
}

// line is the figures for programs: one JSON object.
func (r *result) line() (string, error) {
	text, err := json.Marshal(r.Figures)
	return string(text), err
}

// machine names what this runs on.
func machine() string {
	model := runtime.GOARCH
	text, err := os.ReadFile("/proc/cpuinfo")
	if err == nil {
		for line := range strings.Lines(string(text)) {
			if name, value, is := strings.Cut(line, ":"); is && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	return fmt.Sprintf("%d cores, %s, %s", runtime.NumCPU(), model, runtime.Version())
}
