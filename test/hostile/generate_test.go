package hostile

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// attempt is what an attacker writes over a GatewayTenant.
type attempt struct {
	spec                map[string]any
	annotations, labels map[string]any
	hostile             []string // the kinds of hostility that are in it
}

// generator makes attempts for one tenant. Equal seeds make equal attempts.
type generator struct {
	*rand.Rand
	namespace string
	others    []string // namespaces of others
	size      string   // of the volume, which only grows
	upTo      int      // kinds of hostility in an attempt
	fresh     bool     // each attempt is of a new GatewayTenant, so storage may be anything
	attempt   attempt
}

func newGenerator(seed uint64, namespace string, others []string, upTo int) *generator {
	stream := uint64(0)
	for _, b := range []byte(namespace) {
		stream = stream*31 + uint64(b)
	}
	return &generator{Rand: rand.New(rand.NewPCG(seed, stream)), namespace: namespace, upTo: upTo, others: append([]string{"kube-system", "default", platformNamespace, ""}, others...)}
}

// next makes an attempt: some fields are as anybody's, one to g.upTo are hostile.
func (g *generator) next() attempt {
	g.attempt = attempt{spec: map[string]any{}, annotations: map[string]any{}, labels: map[string]any{}}
	g.harmless()
	kinds := []func(){
		g.images, g.names, g.names, g.configs, g.configs, g.configs, g.ownKeys, g.ownKeys, g.rotations, g.rotations,
		g.otherAnnotations, g.labelled, g.networks, g.networks, g.volumes, g.unknownFields, g.wrongTypes,
	}
	for range 1 + g.IntN(g.upTo) {
		kinds[g.IntN(len(kinds))]()
	}
	return g.attempt
}

// harmless fills in what a tenant may well say, so that something is accepted.
func (g *generator) harmless() {
	spec := g.attempt.spec
	version := g.of(versions)
	if g.IntN(3) > 0 {
		spec["image"] = repository + "openshell/gateway:" + version
		g.attempt.annotations["openshell.ambient-code.io/confirm-version"] = version
	} else {
		g.attempt.annotations["openshell.ambient-code.io/confirm-version"] = "0.0.111"
	}
	if g.IntN(4) == 0 {
		spec["serverDnsNames"] = []any{fmt.Sprintf("gateway-%d.%s.example.com", g.IntN(20), g.namespace)}
	}
	if g.IntN(3) == 0 {
		spec["sandboxTokens"] = g.of([]string{"Enabled", "Disabled"})
	}
	if g.size != "" {
		spec["storage"] = map[string]any{"size": g.size}
	}
	if g.IntN(40) == 0 {
		spec["suspend"] = true
	}
	spec["config"] = fmt.Sprintf("openshell.gateway.ssh_session_ttl_secs = %d\n", 60+g.IntN(1<<20))
}

func (g *generator) is(hostile string) { g.attempt.hostile = append(g.attempt.hostile, hostile) }

func (g *generator) of(values []string) string { return values[g.IntN(len(values))] }

// word is something of the dictionaries, often mutated.
func (g *generator) word() string {
	word := g.of(injections)
	switch g.IntN(4) {
	case 0:
		word = g.mutated(word)
	case 1:
		word += g.of(g.others)
	}
	return word
}

// mutated changes a text here and there.
func (g *generator) mutated(text string) string {
	for range 1 + g.IntN(4) {
		at := g.IntN(len(text) + 1)
		switch g.IntN(5) {
		case 0:
			text = text[:at] + g.of(injections) + text[at:]
		case 1:
			text = text[:at] + string(rune(g.Int32N(0x250))) + text[at:]
		case 2:
			text = text[:at]
		case 3:
			text = text[at:] + text[:at]
		case 4:
			text = strings.Repeat(text, 1+g.IntN(3))
		}
		if len(text) > 4096 {
			text = text[:4096]
		}
	}
	return text
}

func (g *generator) images() {
	g.is("image")
	if g.IntN(2) == 0 {
		tag := g.of(versions)
		g.attempt.annotations["openshell.ambient-code.io/confirm-version"] = tag
		g.attempt.spec["image"] = fmt.Sprintf(g.of(allowedImages), tag)
		return
	}
	image := g.of(hostileImages)
	if g.IntN(3) == 0 {
		image = g.mutated(image)
	}
	g.attempt.spec["image"] = image
	if g.IntN(3) == 0 {
		g.attempt.spec["version"] = g.of(hostileVersions)
	}
}

func (g *generator) names() {
	g.is("name")
	var names []any
	for range 1 + g.IntN(5) {
		name := g.of(allowedNames)
		if strings.Contains(name, "%s") {
			name = fmt.Sprintf(name, g.of(g.others[:3]))
		}
		names = append(names, name)
	}
	switch g.IntN(6) {
	case 0:
		names = append(names, g.word())
	case 1:
		names = append(names, g.mutated(names[0].(string)))
	case 2:
		names = append(names, g.of(hostileNames))
	}
	g.attempt.spec["serverDnsNames"] = names
}

func (g *generator) rotations() {
	g.is("rotation")
	for range 1 + g.IntN(2) {
		value := g.of(allowedRotations)
		if g.IntN(3) == 0 {
			value = g.word()
		}
		g.attempt.annotations["openshell.ambient-code.io/rotate-"+g.of([]string{"tls", "ca", "tokens"})] = value
	}
}

func (g *generator) otherAnnotations() {
	g.is("annotation")
	for range 1 + g.IntN(3) {
		value := g.word()
		if g.IntN(40) == 0 { // rarely: every write of the object's status carries it
			value = strings.Repeat(value+" ", 500)
		}
		g.attempt.annotations[g.of(annotations)] = value
	}
	if g.IntN(3) > 0 {
		g.attempt.annotations["openshell.ambient-code.io/hand-over"] = g.of([]string{"to-platform-config", "to-tenant", g.word()})
	}
}

func (g *generator) labelled() {
	g.is("label")
	for range 1 + g.IntN(3) {
		g.attempt.labels[g.of(labels)] = g.of(labelValues)
	}
	if g.IntN(6) == 0 {
		g.attempt.labels[g.of(labels)] = g.word()
	}
	source := fmt.Sprintf("%s/platform-config-%d", platformNamespace, g.IntN(3))
	if g.fresh { // the bridge takes it at its word
		source = platformNamespace + "/platform-config"
	}
	g.attempt.annotations["openshell.ambient-code.io/source"] = source
}

func (g *generator) networks() {
	g.is("network")
	var clients []any
	for range 1 + g.IntN(4) {
		client := map[string]any{}
		if g.IntN(3) > 0 {
			client["namespaceSelector"] = g.selector()
		}
		if g.IntN(2) == 0 || len(client) == 0 {
			client["podSelector"] = g.selector()
		}
		clients = append(clients, client)
	}
	switch g.IntN(12) {
	case 0:
		clients = append(clients, map[string]any{"ipBlock": map[string]any{"cidr": "0.0.0.0/0"}})
	case 1:
		for len(clients) < 33 {
			clients = append(clients, clients[0])
		}
	case 2:
		clients[0].(map[string]any)["ipBlock"] = map[string]any{"cidr": "::/0"}
	}
	network := map[string]any{"allowedClients": clients}
	switch g.IntN(6) {
	case 0:
		network["allowedClients"] = []any{}
	case 1:
		network = map[string]any{"metricsClients": clients}
	case 2:
		network["metricsClients"] = []any{map[string]any{"podSelector": g.selector()}}
	case 3:
		network["metricsClients"] = []any{}
	}
	g.attempt.spec["network"] = network
}

// selector selects everything, or others, or nothing that there can be.
func (g *generator) selector() map[string]any {
	labels := map[string]any{g.of(selectorKeys): g.of(labelValues)}
	switch g.IntN(8) {
	case 0, 1:
		return map[string]any{}
	case 2, 3:
		labels["kubernetes.io/metadata.name"] = g.of(g.others)
		return map[string]any{"matchLabels": labels}
	case 4:
		return map[string]any{"matchLabels": labels}
	case 5:
		return map[string]any{"matchLabels": map[string]any{g.word(): g.word()}}
	case 6:
		return map[string]any{"matchExpressions": []any{map[string]any{"key": g.of(selectorKeys), "operator": g.of([]string{"NotIn", "In"}), "values": []any{g.of(labelValues), g.of(g.others)}}}}
	}
	return map[string]any{"matchLabels": labels, "matchExpressions": []any{map[string]any{"key": g.of(selectorKeys), "operator": g.of([]string{"Exists", "DoesNotExist", "exists", "NotIn"})}}}
}

func (g *generator) volumes() {
	g.is("storage")
	storage := map[string]any{}
	if g.size != "" {
		storage["size"] = g.size
	}
	switch g.IntN(5) {
	case 0:
		storage["size"] = g.of(hostileSizes)
	case 1:
		storage["size"] = g.of(largerSizes)
	case 2:
		storage["storageClassName"] = g.word()
	case 3:
		storage["whenDeleted"] = g.of([]string{"Delete", "Retain"})
	case 4:
		storage["whenDeleted"] = g.word()
	}
	if g.fresh && g.IntN(2) == 0 {
		storage["size"] = g.of(hugeSizes)
	}
	g.attempt.spec["storage"] = storage
}

// unknownFields say in the operator's own words what is not a tenant's to say.
func (g *generator) unknownFields() {
	g.is("unknown field")
	for range 1 + g.IntN(3) {
		g.attempt.spec[g.of(unknownFields)] = []any{g.word(), map[string]any{"name": g.word(), "namespace": "kube-system"}, []any{g.word()}, true}[g.IntN(4)]
	}
}

func (g *generator) wrongTypes() {
	g.is("wrong type")
	field := g.of([]string{"image", "version", "serverDnsNames", "config", "sandboxTokens", "telemetry", "storage", "network", "suspend"})
	g.attempt.spec[field] = []any{nil, 1, true, []any{g.word()}, map[string]any{g.word(): g.word()}, g.word(), -1.5, []any{[]any{}}}[g.IntN(8)]
}
