package certificates

import (
	"crypto/x509"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates/internal/format"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// state is one way that a Secret may be found in, and what that calls for.
type state struct {
	what   string
	make   func(*corev1.Secret) *corev1.Secret
	only   string // the Secret that can be in this state; empty: each
	need   Need
	helped bool // certgen can help
}

var states = []state{
	{"absent", func(*corev1.Secret) *corev1.Secret { return nil }, "", Missing, true},
	{"fits", func(s *corev1.Secret) *corev1.Secret { return s }, "", Fits, false},
	{"lacks a name", withLeaf(manifests.ServerTLSName, "a.example.com"), manifests.ServerTLSName, Unfit, true},
	{"near its end", atAge(8), "", Due, true},
	{"at its end", atAge(13), "", Unfit, true},
	{"key does not fit", withData(func(data map[string][]byte) {
		data[format.KeyPrivateKey], data[format.KeySigning] = otherLeaf[format.KeyPrivateKey], otherTokens[format.KeySigning]
	}), "", Unfit, true},
	{"does not chain", withData(func(data map[string][]byte) {
		data[format.KeyCA] = otherCA[format.KeyCertificate]
	}), "leaf", Unfit, true},
	{"unparsable", withData(func(data map[string][]byte) {
		data[format.KeyCertificate], data[format.KeySigning] = []byte("x"), []byte("x")
	}), "", Unfit, true},
	{"wrong type, and fits", withType("example.com/any", false), "", Fits, false},
	{"wrong type, and unparsable", withType("example.com/any", true), "", Unfit, false},
	{"Opaque, and unparsable", withType(corev1.SecretTypeOpaque, true), "", Unfit, true},
	{"may not sign", func(s *corev1.Secret) *corev1.Secret {
		s.Data = maySign(x509.KeyUsageDigitalSignature)
		return s
	}, manifests.CAName, Unfit, true},
	{"signs for servers only", func(s *corev1.Secret) *corev1.Secret {
		s.Data = maySign(x509.KeyUsageCertSign, x509.ExtKeyUsageServerAuth)
		return s
	}, manifests.CAName, Unfit, true},
	{"without its own ca.crt", withData(func(data map[string][]byte) { delete(data, format.KeyCA) }), manifests.CAName, Fits, false},
	{"immutable, and unparsable", func(s *corev1.Secret) *corev1.Secret {
		yes := true
		s.Immutable = &yes
		return unparsable(s)
	}, "", Unfit, false},
	{"issued here, without an owner, and fits", owned(), "", Unowned, true},
	{"of unknown origin, and unparsable", func(s *corev1.Secret) *corev1.Secret { return unparsable(owned()(s)) }, "tls", Unfit, false},
	{"token keys without an owner, and unparsable", func(s *corev1.Secret) *corev1.Secret {
		s.Data[format.KeySigning] = []byte("x")
		return owned()(s)
	}, manifests.TokenKeysName, Unfit, true},
	{"another controller's, and fits", owned(stranger1), "", Fits, false},
	{"another controller's, and near its end", func(s *corev1.Secret) *corev1.Secret {
		trusted := s.Data[format.KeyCA]
		s = owned(stranger1)(atAge(8)(s))
		s.Data[format.KeyCA] = append(s.Data[format.KeyCA], trusted...)
		return s
	}, "", Fits, false},
	{"another controller's, and unparsable", func(s *corev1.Secret) *corev1.Secret { return unparsable(owned(stranger1)(s)) }, "", Unfit, false},
	{"a former GatewayTenant's", owned(manifests.Owner("former")), "", Missing, false},
	{"being deleted", func(s *corev1.Secret) *corev1.Secret {
		s.DeletionTimestamp = &metav1.Time{Time: now}
		return s
	}, "", Missing, false},
}

// jobs are all that a Job may be, and what follows from it when there is work.
var jobs = []struct {
	what  string
	job   Job
	since time.Duration // for how long things have been failing
	want  Action
	wait  time.Duration
}{
	{"no Job", Job{}, 0, Run, 0},
	{"running", Job{State: JobRunning, Wish: "wish"}, 0, Leave, 0},
	{"running, of another wish", Job{State: JobRunning, Wish: "old"}, 0, Replace, 0},
	{"complete just now", Job{JobComplete, "wish", now.Add(-time.Second)}, 0, Leave, settle - time.Second},
	{"complete", Job{JobComplete, "wish", now.Add(-settle)}, 0, Replace, 0},
	{"complete, and much is left", Job{JobComplete, "wish", now.Add(-settle)}, time.Minute, Leave, 50 * time.Second},
	{"complete, of another wish", Job{JobComplete, "old", now}, 0, Replace, 0},
	{"failed the first time", Job{JobFailed, "wish", now}, 0, Leave, shortestBackoff},
	{"failed for half a minute", Job{JobFailed, "wish", now.Add(-5 * time.Second)}, 30 * time.Second, Leave, 20 * time.Second},
	{"failed for an hour", Job{JobFailed, "wish", now}, time.Hour, Leave, longestBackoff},
	{"failed, and waited", Job{JobFailed, "wish", now.Add(-shortestBackoff)}, shortestBackoff, Replace, 0},
	{"failed, of another wish", Job{JobFailed, "old", now}, time.Hour, Replace, 0},
	{"leaving", Job{State: JobLeaving, Wish: "wish"}, 0, Leave, 0},
}

// TestEveryStateOfEverySecretWithEveryJob is the whole decision: what a Secret needs, and what that means for the Job.
func TestEveryStateOfEverySecretWithEveryJob(t *testing.T) {
	for _, name := range manifests.SecretNames {
		for _, state := range states {
			leaf := name == manifests.ServerTLSName || name == manifests.ClientTLSName
			if state.only == "tls" && name == manifests.TokenKeysName || state.only == "leaf" && !leaf {
				continue
			}
			if state.only != "" && state.only != "tls" && state.only != "leaf" && state.only != name {
				continue
			}
			secrets := issued(t, "a.example.com", "b.example.com")
			if secrets[name] = state.make(secrets[name]); secrets[name] == nil {
				delete(secrets, name)
			}
			seen := Inspect(stripped(t, secrets), Wanted{Owner: "tenant", ServerNames: []string{"a.example.com", "b.example.com"}}, now)
			need, helped := state.need, state.helped
			if name == manifests.TokenKeysName && (state.what == "near its end" || state.what == "at its end" || state.what == "another controller's, and near its end") {
				need, helped = Fits, false // token keys have no end
			}
			if finding := seen.Of(name); finding.Need != need || (finding.Need != Fits && finding.Blocked == "") != helped {
				t.Errorf("%s, %s: %+v; want need %d, helped %v", name, state.what, finding, need, helped)
			}
			for _, job := range jobs {
				want, wait := job.want, job.wait
				if job.what == "complete, and much is left" && seen.Worst() == Missing {
					want, wait = Replace, 0 // it went after the Job had looked
				}
				if !helped && !slices.ContainsFunc(seen.Findings, func(f Finding) bool { return f.Secret != name }) {
					want, wait = Leave, 0
				}
				if got, after := Decide(seen, job.job, "wish", now.Add(-job.since), now); got != want || after != wait {
					t.Errorf("%s, %s, %s: %v after %s, want %v after %s", name, state.what, job.what, got, after, want, wait)
				}
			}
		}
	}
}
