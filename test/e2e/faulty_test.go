package e2e

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/ambient-code/gatewaytenant-operator/test/faulty"
)

var (
	faultyShare = flag.Float64("faulty", 0, "the share of the operator's requests, watches apart, that are answered with faults, such as 0.3")
	faultySeed  = flag.Uint64("faulty-seed", 0, "decides which ones; 0: another one each time")
)

// faults stands before the API server for the operator that tests share; nil: nothing does. The operators that single
// tests start reach the API server through proxies of these tests.
var faults *faulty.Proxy

// throughFaults has the operator reach the API server through faults, if they are asked for: by TCP, so that what breaks
// is a connection. Leases are not spared: a leader that cannot renew ends, and is started again as a kubelet does.
func throughFaults(config *rest.Config) (*rest.Config, error) {
	if *faultyShare == 0 {
		return config, nil
	}
	forward, err := forwarder()
	if err != nil {
		return nil, err
	}
	if faults == nil {
		if *faultySeed == 0 {
			*faultySeed = rand.Uint64()
		}
		fmt.Fprintf(os.Stderr, "e2e: %g of the operator's requests are answered with faults; -faulty-seed=%d\n", *faultyShare, *faultySeed)
		faults = faulty.New(forward, *faultyShare, *faultySeed)
		faultsServer = httptest.NewTLSServer(faults)
	}
	config = rest.CopyConfig(config)
	reachBy(config, faultsServer)
	return config, nil
}

var faultsServer *httptest.Server

// notWithFaults skips a test whose claim does not hold with faults, and says why.
func notWithFaults(t *testing.T, why string) {
	t.Helper()
	if *faultyShare > 0 {
		t.Skip("with faults: ", why)
	}
}
