package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// unselected are the resources of which the operator watches all: its own kind, and namespaces, as metadata.
var unselected = []string{"gatewaytenants", "namespaces"}

// TestCachesHoldWhatIsNeededAndNoMore looks at what the operator asks for when it starts.
func TestCachesHoldWhatIsNeededAndNoMore(t *testing.T) {
	operator.stop(t)
	operator.Take(operatortest.Writes)
	if err := operator.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	settle(t)
	watches := operator.Take(func(request string) bool { return strings.Contains(request, "watch=true") })
	if len(watches) < 15 {
		t.Fatalf("only %d watches were seen: %v", len(watches), watches)
	}
	for _, watch := range watches {
		target, err := url.Parse(strings.TrimPrefix(watch, http.MethodGet+" "))
		if err != nil {
			t.Fatal(err)
		}
		resource := target.Path[strings.LastIndex(target.Path, "/")+1:]
		query := target.Query()
		selected := strings.HasPrefix(query.Get("fieldSelector"), "metadata.name=") || query.Get("labelSelector") == "app.kubernetes.io/managed-by=gatewaytenant-operator" ||
			strings.HasPrefix(target.Path, "/api/v1/namespaces/"+platformNamespace+"/configmaps")
		if resource == "events" {
			t.Errorf("%s: any client may create Events, so they must not be cached", watch)
		}
		if !selected && resource != unselected[0] && resource != unselected[1] {
			t.Errorf("%s: neither by name nor by label", watch)
		}
	}
}
