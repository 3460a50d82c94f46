package main

import (
	"bytes"
	"maps"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// cluster returns a snapshot of tenants that are all alike.
func cluster(t *testing.T, ready, hash, podUID string, tenants ...string) snapshot {
	t.Helper()
	s := snapshot{}
	for _, name := range tenants {
		s[id{"gatewaytenants", name, v1alpha1.Name}] = object(t, `{metadata: {uid: g}, status: {conditions: [{type: Ready, status: "`+ready+`", reason: R`+ready+`}]}}`)
		s[id{"statefulsets", name, v1alpha1.Name}] = object(t, `{metadata: {uid: s, annotations: {x/hash: `+hash+`}}, status: {readyReplicas: `+hash+`}}`)
		s[id{"pods", name, manifests.PodName}] = object(t, `{metadata: {uid: `+podUID+`, annotations: {x/config-hash: `+podUID+`}}, spec: {}}`)
		s[id{"clusterrolebindings", "", "reader:" + name}] = object(t, `{metadata: {uid: c}, roleRef: {name: r}}`)
		s[id{"secrets", name, "keys"}] = object(t, `{metadata: {uid: k}}`)
	}
	return s
}

func apply(namespace, resource, name string) request {
	return request{user: operatorUser, verb: "apply", manager: "m", resource: resource, namespace: namespace, name: name, code: 200}
}

func TestTenantsToWhichAStepDidTheSameAreOneRow(t *testing.T) {
	names := []string{"a", "b", "c"}
	before, after := cluster(t, "True", "1", "p1", names...), cluster(t, "True", "2", "p2", "a", "b")
	maps.Copy(after, cluster(t, "True", "1", "p1", "c"))
	var requests []request
	for _, name := range names[:2] {
		requests = append(requests,
			apply(name, "statefulsets", v1alpha1.Name), apply("", "clusterrolebindings", "reader:"+name),
			request{user: operatorUser, verb: "create", resource: "events", namespace: name, code: 201},
			request{user: statefulSetControllerUser, verb: "create", resource: "pods", namespace: name, name: manifests.PodName, code: 201})
	}
	requests = append(requests, apply("a", "statefulsets", v1alpha1.Name))
	s := &step{Name: "upgrade", Version: "v", Writes: count(requests), Tenants: compare(names, requests, before, after)}
	var out bytes.Buffer
	if err := s.print(&out); err != nil {
		t.Fatal(err)
	}
	want := `
upgrade, v: 5 writes, 2 gateways restarted, 0 Events, 0 s
   2 | Ready | restarted (config-hash) | a, b
       2 x clusterrolebindings/reader:<tenant> (apply by m): no field differs afterwards
       3 x statefulsets/openshell-gateway (apply by m): metadata.annotations[x/hash]
   1 | Ready | not restarted | c
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestChangesWithoutAWriteAreReported(t *testing.T) {
	before, after := cluster(t, "True", "1", "p", "a"), cluster(t, "True", "2", "p", "a")
	all := compare([]string{"a"}, nil, before, after)
	if len(all[0].Others) != 1 || fields(all[0].Others[0].Changes) != "metadata.annotations[x/hash]" {
		t.Errorf("changes by others are %+v; want the annotation, and not the status", all[0].Others)
	}
}

func TestRefusedAndForeignWrites(t *testing.T) {
	is := cluster(t, "True", "1", "p", "a")
	refused := apply("a", "statefulsets", v1alpha1.Name)
	refused.code = 409
	all := compare([]string{"a"}, []request{refused, apply("platform", "configmaps", "report")}, is, is)
	if len(all) != 2 || all[0].Writes[0].Requests["apply by m, refused with 409"] != 1 || all[1].Tenant != "platform" {
		t.Errorf("%+v", all)
	}
}

func TestProblems(t *testing.T) {
	before, after := cluster(t, "True", "1", "p", "a", "b"), cluster(t, "False", "2", "p", "a", "b")
	delete(after, id{"secrets", "a", "keys"})
	after[id{"statefulsets", "b", v1alpha1.Name}]["metadata"].(map[string]any)["uid"] = "another"
	want := []string{"secrets a/keys was deleted or replaced", "statefulsets b/openshell-gateway was deleted or replaced"}
	if diff := cmp.Diff(want, lost(before, after)); diff != "" {
		t.Error(diff)
	}
	s := &step{Writes: 1, Tenants: compare([]string{"a", "b"}, nil, before, after)}
	o := options{mayLose: regexp.MustCompile("^b$"), maxWrites: 0, maxRestarts: 0}
	want = []string{"tenant a was Ready and is not any more: RFalse", "1 writes, more than -max-writes=0"}
	if diff := cmp.Diff(want, s.violations(o)); diff != "" {
		t.Error(diff)
	}
}

func TestAuditLines(t *testing.T) {
	line := func(verb, resource, query string) []byte {
		return []byte(`{"verb":"` + verb + `","requestURI":"/apis/x` + query + `","user":{"username":"u"},"objectRef":{"resource":"` + resource +
			`","namespace":"n","name":"o","subresource":"status"},"responseStatus":{"code":409},"stageTimestamp":"2026-01-02T03:04:05.000006Z"}`)
	}
	r, writes, err := parseAudit(line("patch", "statefulsets", "?fieldManager=m&force=true"))
	if err != nil || !writes || r.kind() != "apply by m, refused with 409" || r.subresource != "status" || r.namespace != "n" || r.at.Second() != 5 {
		t.Errorf("%+v, %v, %v", r, writes, err)
	}
	for _, other := range [][]byte{line("create", "selfsubjectaccessreviews", ""), line("patch", "statefulsets", "?dryRun=All")} {
		if _, writes, err := parseAudit(other); writes || err != nil {
			t.Errorf("%s: taken for a write: %v, %v", other, writes, err)
		}
	}
}

func TestTenantsOfTheExercise(t *testing.T) {
	all, err := readTenants(0)
	if err != nil || len(all) != 20 {
		t.Fatalf("%d tenants, %v", len(all), err)
	}
	count, names := map[string]int{}, map[string]bool{}
	for _, tenant := range all {
		sort := tenant.By
		if tenant.Fails {
			sort = "fails"
		}
		count[sort]++
		names[tenant.Name] = true
	}
	if diff := cmp.Diff(map[string]int{byEntry: 8, byHand: 6, byAdoption: 4, "fails": 2}, count); diff != "" || len(names) != len(all) {
		t.Errorf("%d names, and the sorts are %s", len(names), diff)
	}
	if text, err := entries(all[:5]); err != nil || strings.Count(text, "name:") != 1 {
		t.Errorf("%s, %v", text, err)
	}
	if _, err := readTenants(21); err == nil {
		t.Error("more tenants than there are were accepted")
	}
}
