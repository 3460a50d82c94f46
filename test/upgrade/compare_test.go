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
	"github.com/ambient-code/gatewaytenant-operator/test/audit"
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

func apply(namespace, resource, name string) audit.Request {
	r := request(operatorUser, "patch", resource, namespace, name, 200)
	r.FieldManager, r.Force = "m", true
	return r
}

func request(user, verb, resource, namespace, name string, code int) audit.Request {
	return audit.Request{Action: audit.Action{Verb: verb, Resource: resource, Namespace: namespace, Name: name}, User: user, Code: code}
}

func TestTenantsToWhichAStepDidTheSameAreOneRow(t *testing.T) {
	names := []string{"a", "b", "c"}
	before, after := cluster(t, "True", "1", "p1", names...), cluster(t, "True", "2", "p2", "a", "b")
	maps.Copy(after, cluster(t, "True", "1", "p1", "c"))
	var requests []audit.Request
	for _, name := range names[:2] {
		requests = append(requests,
			apply(name, "statefulsets", v1alpha1.Name), apply("", "clusterrolebindings", "reader:"+name),
			request(operatorUser, "create", "events", name, "e", 201),
			request(statefulSetControllerUser, "create", "pods", name, manifests.PodName, 201))
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
	refused.Code = 409
	all := compare([]string{"a"}, []audit.Request{refused, apply("platform", "configmaps", "report")}, is, is)
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

func TestOperatorWrites(t *testing.T) {
	write := apply("a", "statefulsets", v1alpha1.Name)
	dryRun, byController := write, write
	dryRun.DryRun, byController.User = true, statefulSetControllerUser
	for want, requests := range map[bool][]audit.Request{
		true:  {write, apply("", "clusterrolebindings", "b")},
		false: {dryRun, byController, apply("a", "events", "e"), apply("a", "leases", "l"), request(operatorUser, "get", "secrets", "a", "s", 200)},
	} {
		for _, r := range requests {
			if got := isOperatorWrite(r); got != want {
				t.Errorf("%s: %v, want %v", r, got, want)
			}
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
