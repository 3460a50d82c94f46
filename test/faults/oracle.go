package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// judge holds what happened against what must hold in every trial; the end state is compared apart.
func (t *trial) judge(ctx context.Context, undisturbed outcome) []string {
	changes := t.recorder.changes(t.namespace)
	sort.SliceStable(changes, func(i, j int) bool { return changes[i].version < changes[j].version })
	var wrong []string
	for _, request := range t.proxy.strayed() {
		wrong = append(wrong, "it wrote what is not the tenant's: "+request)
	}
	wrong = append(wrong, t.absences(changes)...)
	wrong = append(wrong, t.identities(ctx, changes)...)
	wrong = append(wrong, t.counts(changes, undisturbed)...)
	wrong = append(wrong, t.falseClaims(changes)...)
	wrong = append(wrong, t.gatewayFailures()...)
	wrong = append(wrong, t.falseAlarms(changes)...)
	return append(wrong, t.marks(ctx, undisturbed.state)...)
}

// exempt tells objects that the workload, or somebody else, replaced. What somebody only changed stays the same object.
func (t *trial) exempt(of id) bool {
	return t.workload.all || t.workload.replaces[of] || t.kind.name != "changes" && t.meddled(of)
}

// absences finds Secrets that were gone for a moment.
func (t *trial) absences(changes []change) (wrong []string) {
	for _, c := range changes {
		if c.id.kind == "Secret" && c.gone && !t.exempt(c.id) {
			wrong = append(wrong, fmt.Sprintf("%s was absent for a moment", c.id))
		}
	}
	return wrong
}

// identities finds objects that are not the ones that they were, and token keys that changed.
func (t *trial) identities(ctx context.Context, changes []change) (wrong []string) {
	for _, of := range []id{
		{"StatefulSet", manifests.GatewayName}, {"Service", manifests.GatewayName}, {"PersistentVolumeClaim", manifests.ClaimName}, {"Secret", manifests.TokenKeysName},
	} {
		volumeStays := of.kind == "PersistentVolumeClaim" && t.workload.all && !t.meddled(of)
		if t.exempt(of) && !volumeStays {
			continue
		}
		uids := map[types.UID]bool{}
		for _, c := range changes {
			if c.id == of {
				uids[c.uid] = true
			}
		}
		if len(uids) > 1 {
			wrong = append(wrong, fmt.Sprintf("%s was replaced: there were %d", of, len(uids)))
		}
	}
	if keys := (id{"Secret", manifests.TokenKeysName}); t.tokens != "" && !t.exempt(keys) {
		now, err := t.tokenKeys(ctx)
		if err != nil || now != t.tokens {
			wrong = append(wrong, fmt.Sprintf("the token keys changed (%v)", err))
		}
	}
	return wrong
}

// tokenKeys is a hash of the token keys; empty: there are none.
func (t *trial) tokenKeys(ctx context.Context) (string, error) {
	secret := &corev1.Secret{}
	if err := t.admin.Get(ctx, client.ObjectKey{Namespace: t.namespace, Name: manifests.TokenKeysName}, secret); err != nil {
		return "", client.IgnoreNotFound(err)
	}
	sum := sha256.New()
	for _, key := range slices.Sorted(maps.Keys(secret.Data)) {
		sum.Write(secret.Data[key])
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// versions counts the objects that there were of each name.
func versions(changes []change) map[id]int {
	uids := map[id]map[types.UID]bool{}
	for _, c := range changes {
		if uids[c.id] == nil {
			uids[c.id] = map[types.UID]bool{}
		}
		uids[c.id][c.uid] = true
	}
	count := map[id]int{}
	for of, those := range uids {
		count[of] = len(those)
	}
	return count
}

// counts finds objects that were made more or less often than in the undisturbed run. Another Job may be needed, for what
// was cut short; and what somebody else deleted is made once more.
func (t *trial) counts(changes []change, undisturbed outcome) (wrong []string) {
	for of, is := range versions(changes) {
		want, more := undisturbed.versions[of], 0
		if of.kind == "Job" || t.meddled(of) {
			more = 1
		}
		if t.meddledAtAll() && of.kind == "Job" {
			more = 3 // for each Secret that was lost with what was deleted
		}
		if t.workload.all { // whether the collector or the new tenant comes first is a race
			more++
			want = max(want, 1)
		}
		if is > want+more || is < want && !t.workload.all && of.kind != "Job" {
			wrong = append(wrong, fmt.Sprintf("%s was made %d times, undisturbed %d times", of, is, want))
		}
	}
	return wrong
}

// marks finds out whether somebody's label is still on the object that they changed.
func (t *trial) marks(ctx context.Context, undisturbed state) []string {
	if t.kind.name != "changes" || !t.meddledAtAll() {
		return nil
	}
	object, of := t.object()
	_, stays := undisturbed[of.kind+" "+strings.ReplaceAll(object.GetName(), t.namespace, "NAMESPACE")]
	if of.kind == "Job" || t.workload.all || t.workload.replaces[of] || !stays {
		return nil // it is replaced or removed
	}
	if err := t.admin.Get(ctx, client.ObjectKeyFromObject(object), object); err != nil {
		return []string{err.Error()}
	}
	if object.GetLabels()[mark] != "else" {
		return []string{fmt.Sprintf("%s lost somebody's label", of)}
	}
	return nil
}
