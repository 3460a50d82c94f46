package main

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"k8s.io/client-go/rest"
)

var writeRequests = regexp.MustCompile(`^apiserver_request_total\{.*verb="(?:POST|PUT|PATCH|APPLY|DELETE)".*\} (\S+)$`)

// clusterWrites returns the number of writes by all clients since the API server started, by the API server's metrics.
func (l *leg) clusterWrites(ctx context.Context) (writes float64, err error) {
	config := l.cluster.Config()
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return 0, err
	}
	text, err := fetch(ctx, client, config.Host+"/metrics")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		parts := writeRequests.FindStringSubmatch(strings.TrimSpace(line))
		if parts == nil {
			continue
		}
		value, err := strconv.ParseFloat(parts[1], 64)
		if err != nil {
			return 0, fmt.Errorf("the API server's metrics: %q: %w", line, err)
		}
		writes += value
	}
	return writes, nil
}
