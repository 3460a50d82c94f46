package hostile

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
)

// configs are TOML with hostile values, and hostile TOML.
func (g *generator) configs() {
	g.is("config")
	var lines []string
	for range 1 + g.IntN(4) {
		lines = append(lines, g.line())
	}
	text := strings.Join(lines, "\n") + "\n"
	switch g.IntN(8) {
	case 0:
		text = g.mutated(text)
	case 1:
		text += g.of(hostileTOML)
	case 2:
		depth := 1 << g.IntN(11)
		text += "openshell.drivers.podman.deep = " + strings.Repeat("[", depth) + strings.Repeat("]", depth) + "\n"
	case 3:
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	g.attempt.spec["config"] = text
}

// line sets a key of the tenant's own, by any of TOML's spellings, to something hostile.
func (g *generator) line() string {
	switch g.IntN(5) {
	case 0: // tables of other drivers may hold anything
		return fmt.Sprintf("%s.%s = %s", g.key("openshell.drivers."+g.of([]string{"podman", "kubernetes2", "KUBERNETES", "Kubernetes"})), strconv.Quote(plain(g.word())), g.value())
	case 1:
		return fmt.Sprintf("%s = %s", g.key(fmt.Sprintf("openshell.drivers.x%d.%s", g.IntN(9999), g.of([]string{"namespace", "service_account_name", "grpc_endpoint"}))), g.value())
	case 2:
		return fmt.Sprintf("%s = [%s, %s]", g.key("openshell.drivers.kubernetes.image_pull_secrets"), g.value(), g.value())
	}
	return fmt.Sprintf("%s = %s", g.key(g.of(freeKeys)), g.value())
}

// ownKeys are TOML that says something of the keys that are the operator's: nearly always something else than it.
func (g *generator) ownKeys() {
	g.is("operator's key")
	keys := fixedKeys(g.namespace)
	maps.Copy(keys, orAbsent(g.namespace))
	key := g.of(ownKeys)
	value := strconv.Quote(g.of(g.others))
	switch g.IntN(6) {
	case 0:
		value = g.value()
	case 1:
		value = []string{"[]", "{}", "false", "true", "0", "inf", "1979-05-27", `["kubernetes", "vm"]`, `[[]]`}[g.IntN(9)]
	case 2, 3: // as it is: that may be said
		value = strings.ReplaceAll(fmt.Sprintf("%#v", keys[key]), "[]interface {}{", "[")
		value = strings.ReplaceAll(value, "}", "]")
	}
	line := fmt.Sprintf("%s = %s\n", g.key(key), value)
	switch g.IntN(10) {
	case 0: // twice
		line += fmt.Sprintf("%s = %s\n", g.key(key), strconv.Quote(g.of(g.others)))
	case 1: // as an array of tables
		parts := strings.Split(key, ".")
		line = fmt.Sprintf("[[%s]]\n%s = %s\n", strings.Join(parts[:len(parts)-1], "."), parts[len(parts)-1], value)
	case 2: // in a multi-line string that looks as if it ended
		line = fmt.Sprintf("openshell.gateway.log_level = '''\n%s'''\n", line)
	case 3: // in a comment, and after one
		line = fmt.Sprintf("# \\\n%s", line)
	case 4:
		line = strings.Replace(line, "openshell", g.of([]string{"OpenShell", "openshell\u200b", "οpenshell", "\ufeffopenshell", "opеnshell"}), 1)
	case 5:
		line = g.mutated(line)
	}
	g.attempt.spec["config"] = line
}

// key is a dotted key, written in one of the ways that mean the same.
func (g *generator) key(dotted string) string {
	parts := strings.Split(dotted, ".")
	for i, part := range parts {
		switch g.IntN(6) {
		case 0:
			parts[i] = strconv.Quote(part)
		case 1:
			parts[i] = "'" + part + "'"
		case 2:
			parts[i] = fmt.Sprintf(`"\u%04x%s"`, part[0], part[1:])
		}
	}
	return strings.Join(parts, g.of([]string{".", ".", ".", " . ", "\t.\t"}))
}

// value is a TOML string with something hostile in it.
func (g *generator) value() string {
	word := g.word()
	switch g.IntN(4) {
	case 0:
		if !strings.ContainsAny(word, "'\n\r\x00\x1b") {
			return "'" + word + "'"
		}
	case 1:
		if !strings.Contains(word, "'''") && !strings.ContainsAny(word, "\r\x00\x1b") && !strings.HasSuffix(word, "'") {
			return "'''" + word + "'''"
		}
	case 2:
		return word // as it is: mostly no TOML
	}
	return strconv.Quote(plain(word))
}

// plain leaves out what Go would quote in a way that TOML does not know.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' && r != '\r' || r == 0x7f || r > 0x7e && !strconv.IsPrint(r) || r == '\ufffd' {
			return -1
		}
		return r
	}, text)
}
