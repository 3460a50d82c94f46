package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"

	"k8s.io/client-go/rest"

	"github.com/ambient-code/gatewaytenant-operator/test/devcluster"
)

// usage is what the API server says of itself.
type usage struct {
	writes  float64 // by everybody, since its start
	storage float64 // of etcd's database, bytes
	memory  float64 // of its process, bytes
}

var (
	metricsLine = regexp.MustCompile(`^(apiserver_request_total|apiserver_storage_size_bytes|process_resident_memory_bytes)(?:\{(.*)\})? (\S+)$`)
	writingVerb = regexp.MustCompile(`verb="(POST|PUT|PATCH|APPLY|DELETE)"`)
)

// usage reads the API server's metrics.
func (l *leg) usage(ctx context.Context) (usage, error) {
	var u usage
	config := l.cluster.Config()
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return u, err
	}
	text, err := fetch(ctx, client, config.Host+"/metrics")
	if err != nil {
		return u, err
	}
	for line := range strings.Lines(string(text)) {
		parts := metricsLine.FindStringSubmatch(strings.TrimSpace(line))
		if parts == nil {
			continue
		}
		value, err := strconv.ParseFloat(parts[3], 64)
		if err != nil {
			return u, fmt.Errorf("the API server's metrics: %q: %w", line, err)
		}
		switch {
		case parts[1] == "apiserver_storage_size_bytes":
			u.storage += value
		case parts[1] == "process_resident_memory_bytes":
			u.memory = value
		case writingVerb.MatchString(parts[2]):
			u.writes += value
		}
	}
	return u, nil
}

// use notes what the tenants cost the whole cluster, since before there was an operator.
func (l *leg) use(ctx context.Context, p plan, r *result) error {
	now, err := l.usage(ctx)
	if err != nil {
		return err
	}
	r.set("cluster_writes_per_tenant", (now.writes-l.before.writes)/float64(p.tenants))
	r.set("etcd_kib_per_tenant", (now.storage-l.before.storage)/1024/float64(p.tenants))
	r.set("api_server_mib", now.memory/(1<<20))
	return nil
}

// collections are how often the API server has collected garbage: with a thousand tenants it holds more than a GiB, and
// looks through that on the cores that all else needs.
func (l *leg) collections() (int, error) {
	text, err := os.ReadFile(l.cluster.Log(devcluster.APIServer))
	return bytes.Count(text, []byte("\ngc ")), err
}
