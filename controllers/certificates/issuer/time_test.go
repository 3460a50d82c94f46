package issuer

import (
	"crypto/x509"
	"net/http"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates/internal/format"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// TestCertificateThatIsNotValidYet counts like one that has expired, in each place of a set.
func TestCertificateThatIsNotValidYet(t *testing.T) {
	soon, until := now.Add(10*time.Minute), now.Add(3650*day)
	chained := func(root, intermediate, leaf time.Time) func(map[string]*corev1.Secret) {
		return func(secrets map[string]*corev1.Secret) {
			ca := newCorporate(t, "Example Root", root, until)
			middle := newCorporate(t, "Example Intermediate", intermediate, until)
			template := *middle.certificate
			template.AuthorityKeyId = nil
			der, err := x509.CreateCertificate(strings.NewReader(strings.Repeat("x", 1000)), &template, ca.certificate, middle.key.Public(), ca.key)
			if err != nil {
				t.Fatal(err)
			}
			data := middle.issue("client", leaf, until)
			data[format.KeyCertificate] = append(data[format.KeyCertificate], format.EncodeDER(der)...)
			data[format.KeyCA] = format.EncodeDER(ca.certificate.Raw)
			secrets[manifests.ClientTLSName].Data = data
		}
	}
	past := now.Add(-day)
	at := func(name string, data func() map[string][]byte) func(map[string]*corev1.Secret) {
		return func(secrets map[string]*corev1.Secret) { secrets[name].Data = data() }
	}
	for _, c := range []struct {
		what   string
		change func(map[string]*corev1.Secret)
		name   string
		why    string
	}{
		{"all of a chain valid", chained(past, past, past), manifests.ClientTLSName, ""},
		{"the leaf", chained(past, past, soon), manifests.ClientTLSName, "is not valid until 2026-06-01T00:10:00Z"},
		{"the intermediate", chained(past, soon, past), manifests.ClientTLSName, "has a CA certificate that is not yet valid or has expired"},
		{"the root", chained(soon, past, past), manifests.ClientTLSName, "has a CA certificate that is not yet valid or has expired"},
		{"the tenant's CA, by minutes", at(manifests.CAName, func() map[string][]byte {
			return must(newAuthority("tenant-a", certificates.DefaultLifetimes.CA, soon, nil))
		}), manifests.CAName, "is not valid until 2026-06-01T00:05:00Z"},
		{"the tenant's CA, by years", at(manifests.CAName, func() map[string][]byte {
			return must(newAuthority("tenant-a", certificates.DefaultLifetimes.CA, now.AddDate(11, 0, 0), nil))
		}), manifests.CAName, "is not valid until 2037-05-31T23:55:00Z"},
	} {
		secrets := issued(t, append(manifests.AlsoServed("tenant-a"), "a.example.com")...)
		c.change(secrets)
		observed := certificates.Inspect(transformed(t, secrets), desiredState(), now)
		if finding := observed.Finding(c.name); c.why != "" && finding.Message != c.why || (finding.Need == certificates.Invalid) != (c.why != "") {
			t.Errorf("%s: %+v", c.what, finding)
		}
		if c.why == "" {
			continue
		}
		if observed.NextCheck.After(now.Add(10*time.Minute)) && !strings.Contains(c.what, "years") {
			t.Errorf("%s: the next look is at %s", c.what, observed.NextCheck)
		}
		after, err := converges(t, secrets, desiredState(), now)
		if err != nil {
			t.Fatalf("%s: %v", c.what, err)
		}
		if observed := certificates.Inspect(transformed(t, after.secrets), desiredState(), now); len(observed.Findings) > 0 {
			t.Errorf("%s: left: %v", c.what, observed.Findings)
		}
	}
}

// TestValidCertificateIsNotReplacedByOneThatIsNotValid, whatever certgen's clock says.
func TestValidCertificateIsNotReplacedByOneThatIsNotValid(t *testing.T) {
	secrets := issued(t, append(manifests.AlsoServed("tenant-a"), "a.example.com")...)
	desired := desiredState()
	desired.Rotation = manifests.Rotation{TLS: "1", CA: "1", Tokens: "1"}
	for difference, refused := range map[time.Duration]string{
		0: "", 4 * time.Minute: "", -4 * time.Minute: "",
		10 * time.Minute:   "10m0s ahead of the API server's",
		-10 * time.Minute:  "10m0s behind the API server's",
		11 * 365 * day:     "96360h0m0s ahead of the API server's",
		-11 * 365 * day:    "96360h0m0s behind the API server's",
		6 * time.Minute:    "6m0s ahead of",
		-400 * time.Minute: "6h40m0s behind",
	} {
		m := &memory{secrets: map[string]*corev1.Secret{}, writes: map[string]int{}}
		for name, secret := range secrets {
			m.secrets[name] = secret.DeepCopy()
			m.secrets[name].Namespace = "tenant-a"
		}
		lifetimes := certificates.DefaultLifetimes
		lifetimes.TrustDelay = 0
		request := Request{Desired: desired, Namespace: "tenant-a", Lifetimes: lifetimes, Clock: &Clock{}, Tenants: newTenants(desired.Owner)}
		reply := &http.Response{Header: http.Header{"Date": {time.Now().Add(-difference).UTC().Format(http.TimeFormat)}}}
		if _, err := request.Clock.Wrap(answer{reply}).RoundTrip(nil); err != nil {
			t.Fatal(err)
		}
		_, err := Converge(t.Context(), m, request, now.Add(difference))
		switch {
		case refused == "" && err != nil:
			t.Errorf("%s: %v", difference, err)
		case refused != "" && (err == nil || !strings.Contains(err.Error(), refused) || len(m.writes) > 0):
			t.Errorf("%s: %v after the writes %v", difference, err, m.writes)
		}
		if observed := certificates.Inspect(transformed(t, m.secrets), certificates.Desired{Owner: "tenant", ServerNames: desired.ServerNames}, now); len(observed.Findings) > 0 {
			t.Errorf("%s: by the API server's clock: %v", difference, observed.Findings)
		}
	}
}

type answer struct{ reply *http.Response }

func (a answer) RoundTrip(*http.Request) (*http.Response, error) { return a.reply, nil }

// TestCAThatIsNotValidSignsNothing.
func TestCAThatIsNotValidSignsNothing(t *testing.T) {
	ca, err := readAuthority(must(newAuthority("tenant-a", certificates.DefaultLifetimes.CA, now, nil)))
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []time.Time{now.AddDate(-11, 0, 0), now.AddDate(11, 0, 0)} {
		if data, err := ca.issue(clientTemplate(), certificates.DefaultLifetimes.Leaf, at); err == nil {
			t.Errorf("at %s it issued %d keys", at, len(data))
		}
	}
}
