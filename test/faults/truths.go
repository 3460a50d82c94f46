package main

import (
	"cmp"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// objects are those of one tenant, by kind and name.
type objects map[string]unstructured.Unstructured

// truths are what holds between a tenant's objects at rest, and what none of them tells alone. They are worked out from
// the objects themselves, and not from what the operator says of them. What is not there is not spoken of.
func (o objects) truths() map[string]any {
	is := map[string]any{}
	pod, runs := o["Pod "+manifests.PodName]
	set, wanted := o["StatefulSet "+manifests.GatewayName]
	if runs && wanted {
		revision, _, _ := unstructured.NestedString(set.Object, "status", "updateRevision")
		is["the pod is of the last revision"] = pod.GetLabels()["controller-revision-hash"] == revision
	}
	if config, there := o["ConfigMap "+manifests.ConfigName]; runs && there {
		key := mountedKey(pod)
		text, _, _ := unstructured.NestedString(config.Object, "data", key)
		named := cmp.Or(pod.GetAnnotations()[manifests.AnnotationConfigKey], manifests.ConfigKey)
		is["the pod has the present gateway.toml"] = pod.GetAnnotations()[manifests.AnnotationConfigHash] == hashOf(text) && named == key
	}
	if key, needed := pod.GetAnnotations()[manifests.AnnotationTokenKey]; needed {
		is["the pod has the present token key"] = key == o.secret(manifests.TokenKeysName, "kid")
	}
	server, client := o.certificate(manifests.ServerTLSName), o.certificate(manifests.ClientTLSName)
	if server != nil && client != nil {
		is["clients trust the server"] = o.trusts(manifests.ClientTLSName, server, x509.ExtKeyUsageServerAuth)
		is["the server trusts clients"] = o.trusts(manifests.ServerTLSName, client, x509.ExtKeyUsageClientAuth)
	}
	if tenant, there := o["GatewayTenant "+v1alpha1.Name]; there && server != nil {
		says, _, _ := unstructured.NestedStringSlice(tenant.Object, "status", "serverDnsNames")
		is["the status tells the certificate's names"] = slices.Equal(slices.Sorted(slices.Values(says)), namesIn(server))
	}
	return is
}

// mountedKey returns the key of the ConfigMap that a gateway's pod mounts as gateway.toml.
func mountedKey(pod unstructured.Unstructured) string {
	volumes, _, _ := unstructured.NestedSlice(pod.Object, "spec", "volumes")
	for _, volume := range volumes {
		items, _, _ := unstructured.NestedSlice(volume.(map[string]any), "configMap", "items")
		for _, item := range items {
			if key := item.(map[string]any)["key"].(string); manifests.IsFileKey(key) {
				return key
			}
		}
	}
	return manifests.ConfigKey
}

// untrue are the truths that do not hold.
func (s state) untrue() (wrong []string) {
	is, _ := s["truths"].(map[string]any)
	for _, truth := range slices.Sorted(maps.Keys(is)) {
		if is[truth] != true {
			wrong = append(wrong, "it is not true that "+truth)
		}
	}
	return wrong
}

// hashOf is what the pod template says of a gateway.toml: the first 8 bytes of SHA-256 over its JSON, in hex.
func hashOf(text string) string {
	quoted, err := json.Marshal(text)
	if err != nil {
		panic(err) // a string
	}
	sum := sha256.Sum256(quoted)
	return hex.EncodeToString(sum[:8])
}

// secret is what a Secret holds; empty: nothing.
func (o objects) secret(name, key string) string {
	text, _, _ := unstructured.NestedString(o["Secret "+name].Object, "data", key)
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return ""
	}
	return string(data)
}

// certificate is the one in a TLS Secret; nil: there is none.
func (o objects) certificate(secret string) *x509.Certificate {
	block, _ := pem.Decode([]byte(o.secret(secret, corev1.TLSCertKey)))
	if block == nil {
		return nil
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil
	}
	return certificate
}

// trusts tells whether whoever has a TLS Secret trusts a certificate.
func (o objects) trusts(secret string, certificate *x509.Certificate, usage x509.ExtKeyUsage) bool {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(o.secret(secret, "ca.crt")))
	_, err := certificate.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{usage}})
	return err == nil
}

func namesIn(certificate *x509.Certificate) []string {
	names := slices.Clone(certificate.DNSNames)
	for _, address := range certificate.IPAddresses {
		names = append(names, fmt.Sprint(address))
	}
	slices.Sort(names)
	return names
}
