package main

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

func TestArgumentsAreExpandedAsByAKubelet(t *testing.T) {
	variables := []string{"NS=tenant-a", "EMPTY="}
	got := expand([]string{"--namespace=$(NS)", "$$(NS)", "$(OTHER)", "$(EMPTY)$(NS)", "$NS"}, variables)
	want := []string{"--namespace=tenant-a", "$(NS)", "$(OTHER)", "tenant-a", "$NS"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTailKeepsTheEnd(t *testing.T) {
	var log tail
	for i := range 1000 {
		if _, err := fmt.Fprintf(&log, "line %d\n", i); err != nil {
			t.Fatal(err)
		}
	}
	if len(log) > 2048 || !strings.HasSuffix(string(log), "line 998\nline 999\n") {
		t.Errorf("%d bytes, ending in %q", len(log), log[max(0, len(log)-20):])
	}
}

func TestPodsHaveAddressesThatEndpointSlicesAccept(t *testing.T) {
	seen := map[string]bool{}
	for i := range 100 {
		pod := &corev1.Pod{}
		pod.UID = types.UID(fmt.Sprint("uid-", i))
		ip := podIP(pod)
		if address := netip.MustParseAddr(ip); !address.IsPrivate() || address.IsLoopback() {
			t.Errorf("%s is no address for a pod", ip)
		}
		if ip != podIP(pod) {
			t.Errorf("%s changes", ip)
		}
		seen[ip] = true
	}
	if len(seen) < 100 {
		t.Errorf("100 pods share %d addresses", len(seen))
	}
}

func TestAVolumeHoldsWhatItNames(t *testing.T) {
	yes := true
	contents := map[string][]byte{"a": []byte("1"), "b": []byte("2")}
	for _, c := range []struct {
		what     string
		wanted   []corev1.KeyToPath
		optional *bool
		want     map[string][]byte
		refusal  string
	}{
		{"all keys if it names none", nil, nil, contents, ""},
		{"a key by its path", []corev1.KeyToPath{{Key: "a", Path: "x/y"}}, nil, map[string][]byte{"x/y": []byte("1")}, ""},
		{"no key that is not there", []corev1.KeyToPath{{Key: "c", Path: "c"}}, nil, nil, "references non-existent secret key: c"},
		{"nothing for an optional key", []corev1.KeyToPath{{Key: "c", Path: "c"}}, &yes, map[string][]byte{}, ""},
	} {
		t.Run(c.what, func(t *testing.T) {
			got, err := items("secret", contents, c.wanted, c.optional)
			if diff := cmp.Diff(c.want, got); diff != "" || (err == nil) != (c.refusal == "") || err != nil && err.Error() != c.refusal {
				t.Errorf("error %v, want %q; %s", err, c.refusal, diff)
			}
		})
	}
}
