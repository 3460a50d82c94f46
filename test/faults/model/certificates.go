package model

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates/issuer"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

var now = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)

// wishes are what a tenant may want of its Secrets.
var wishes = []certificates.Desired{
	{Owner: "tenant", ServerNames: []string{"openshell-gateway"}},
	{Owner: "tenant", ServerNames: []string{"openshell-gateway", "a.example.com"}},
	{Owner: "tenant", ServerNames: []string{"openshell-gateway"}, Rotation: manifests.Rotation{TLS: "1", CA: "1"}},
}

type secrets map[string]*corev1.Secret

// certWorld is a state of the model: what there is, and what the operator's caches hold of it.
type certWorld struct {
	wish           int
	live, cached   secrets
	job, cachedJob certificates.Job
	left           int8 // edits of others that are still to come
}

// worlds are the states by their keys: what can be told apart of them.
type worlds map[string]certWorld

// look is what Inspect was asked. What it said is remembered: it reads certificates, and is asked a million times.
type look struct {
	of   [len(manifests.SecretNames)]*corev1.Secret
	wish int
}

var (
	looks    = map[look]certificates.Observed{}
	stripped = map[*corev1.Secret]*corev1.Secret{}
)

func lookAt(of secrets, wish int) look {
	is := look{wish: wish}
	for i, name := range manifests.SecretNames {
		is.of[i] = of[name]
	}
	return is
}

func seenOf(of secrets, wish int) certificates.Observed {
	is := lookAt(of, wish)
	if seen, known := looks[is]; known {
		return seen
	}
	all := secrets{}
	for name, secret := range of {
		if stripped[secret] == nil {
			kept, err := certificates.Transform(secret)
			if err != nil {
				panic(err) // it has no other error than for what is no Secret
			}
			stripped[secret] = kept.(*corev1.Secret)
		}
		all[name] = stripped[secret]
	}
	looks[is] = certificates.Inspect(all, wishes[wish], now)
	return looks[is]
}

func (ws worlds) key(w certWorld) string {
	var key strings.Builder
	fmt.Fprint(&key, w.wish, w.left, w.job, w.cachedJob)
	for wish := range wishes {
		needs(&key, seenOf(w.live, wish))
		needs(&key, seenOf(w.cached, wish))
	}
	for _, name := range manifests.SecretNames {
		fmt.Fprint(&key, w.live[name] == w.cached[name])
	}
	if _, known := ws[key.String()]; !known {
		ws[key.String()] = w
	}
	return key.String()
}

// needs are what matters of what was seen.
func needs(key *strings.Builder, seen certificates.Observed) {
	for _, name := range manifests.SecretNames {
		finding := seen.Finding(name)
		fmt.Fprintf(key, "%d%t", finding.Need, finding.Blocked != "")
	}
}

func (w certWorld) clone() certWorld {
	w.live, w.cached = maps.Clone(w.live), maps.Clone(w.cached)
	return w
}

// reconcile decides, and makes the request with the effect that the API server gives it: a Job is not overwritten, and it is deleted
// only if it is as it was seen.
func reconcile(w certWorld, at time.Time) certWorld {
	w = w.clone()
	wish := fmt.Sprint(w.wish)
	action, _ := certificates.Decide(seenOf(w.cached, w.wish), w.cachedJob, wish, now, at)
	switch {
	case action == certificates.RunJob && w.job.State == certificates.JobAbsent:
		w.job = certificates.Job{State: certificates.JobRunning, RequestHash: wish}
	case action == certificates.ReplaceJob && w.job == w.cachedJob:
		w.job.State = certificates.JobTerminating
	}
	return w
}

// run is a run of certgen: what it finds and is asked for, the write before which it dies (never: 100), and the Secret
// that somebody deletes before its first one.
type run struct {
	of      look
	most    int
	deleted string
}

// ran is what runs came to. Making keys takes long, and the same Secrets are met in many worlds.
var ran = map[run]certWorld{}

// certgen runs what the Job asks for.
func certgen(w certWorld, most int, deleted string) certWorld {
	w = w.clone()
	var wish int
	if _, err := fmt.Sscan(w.job.RequestHash, &wish); err != nil {
		panic(err) // it was printed
	}
	is := run{of: lookAt(w.live, wish), most: most, deleted: deleted}
	to, known := ran[is]
	if !known {
		to = converge(w, wish, is)
		ran[is] = to
	}
	w.live, w.job = maps.Clone(to.live), to.job
	return w
}

func converge(w certWorld, wish int, is run) certWorld {
	s := &store{live: maps.Clone(w.live), most: is.most, before: func(write int) {
		if write == 1 {
			delete(w.live, is.deleted)
		}
	}}
	w.live = s.live
	lifetimes := certificates.DefaultLifetimes
	lifetimes.TrustDelay = 0
	asked := issuer.Request{Desired: wishes[wish], Namespace: "tenant-a", Lifetimes: lifetimes, Tenants: tenant{}}
	_, err := issuer.Converge(context.Background(), s, asked, now)
	switch {
	case err == nil:
		w.job = certificates.Job{State: certificates.JobComplete, RequestHash: w.job.RequestHash, Ended: now}
	case !errors.Is(err, errKilled):
		w.job = certificates.Job{State: certificates.JobFailed, RequestHash: w.job.RequestHash, Ended: now}
	}
	return w
}

// later is when every wait is over.
var later = now.Add(time.Hour)

func (ws worlds) steps(key string) []Step[string] {
	w := ws[key]
	var steps []Step[string]
	add := func(to certWorld, format string, args ...any) {
		steps = append(steps, Step[string]{fmt.Sprintf(format, args...), ws.key(to)})
	}
	add(reconcile(w, now), "a reconcile")
	add(reconcile(w, later), "a reconcile, later")
	switch w.job.State {
	case certificates.JobRunning:
		for most := range 4 {
			add(certgen(w, most, ""), "certgen dies after %d writes", most)
		}
		add(certgen(w, 100, ""), "certgen ends")
		failed := w.clone()
		failed.job = certificates.Job{State: certificates.JobFailed, RequestHash: w.job.RequestHash, Ended: now}
		add(failed, "the Job fails")
	case certificates.JobTerminating:
		to := w.clone()
		to.job = certificates.Job{}
		add(to, "the Job is gone")
	case certificates.JobComplete, certificates.JobFailed:
		to := w.clone()
		to.job = certificates.Job{}
		add(to, "the Job's time to live ends")
	}
	to := w.clone()
	to.cachedJob = w.job
	add(to, "the Job is delivered")
	to = w.clone()
	to.cached = maps.Clone(w.live)
	add(to, "the Secrets are delivered")
	for _, name := range manifests.SecretNames {
		to := w.clone()
		if to.cached[name] = w.live[name]; to.cached[name] == nil {
			delete(to.cached, name)
		}
		add(to, "Secret %s is delivered", name)
	}
	if w.left > 0 {
		edits(w, add)
	}
	return steps
}

// edits are what others do.
func edits(w certWorld, add func(certWorld, string, ...any)) {
	w.left--
	for wish := range wishes {
		to := w.clone()
		to.wish = wish
		add(to, "wish %d", wish)
	}
	for _, name := range manifests.SecretNames {
		if w.live[name] == nil {
			continue
		}
		for _, edit := range []struct {
			what string
			make func(*corev1.Secret) *corev1.Secret
		}{
			{"deleted", func(*corev1.Secret) *corev1.Secret { return nil }},
			{"spoilt", func(s *corev1.Secret) *corev1.Secret {
				s.Data = map[string][]byte{"tls.crt": []byte("x"), "tls.key": []byte("x"), "ca.crt": []byte("x")}
				return s
			}},
			{"disowned", func(s *corev1.Secret) *corev1.Secret { s.OwnerReferences = nil; return s }},
		} {
			to := w.clone()
			if is := edit.make(w.live[name].DeepCopy()); is != nil {
				to.live[name] = versioned(is)
			} else {
				delete(to.live, name)
			}
			add(to, "Secret %s is %s", name, edit.what)
			if w.job.State == certificates.JobRunning && edit.what == "deleted" {
				add(certgen(w, 100, name), "Secret %s is deleted while certgen runs", name)
			}
		}
	}
}

// calmed is what calm said: it is asked of every world on every way to rest.
var calmed = map[string]string{}

// calm delivers all events, lets time pass, and lets certgen end.
func (ws worlds) calm(key string) string {
	next, known := calmed[key]
	if !known {
		next = ws.calmer(key)
		calmed[key] = next
	}
	return next
}

func (ws worlds) calmer(key string) string {
	w := ws[key].clone()
	switch w.job.State {
	case certificates.JobRunning:
		return ws.key(certgen(w, 100, ""))
	case certificates.JobTerminating:
		w.job = certificates.Job{}
	}
	w.cached, w.cachedJob = maps.Clone(w.live), w.job
	return ws.key(reconcile(w, later))
}

// Certificates explores what edits, crashes, failures and late events can lead to between a tenant's Secrets, its certgen
// Job and the operator. Edits are how many others make; two take minutes.
func Certificates(edits int8) Result {
	ws := worlds{}
	return Check(ws.key(certWorld{left: edits, live: secrets{}, cached: secrets{}}), ws.steps, ws.calm, func(_, rest string) error {
		w := ws[rest]
		if findings := seenOf(w.live, w.wish).Findings; len(findings) > 0 {
			return fmt.Errorf("at rest: %v", findings)
		}
		return nil
	})
}
