package plugin

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/xlab/treeprint"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// Tree writes where tenants stand for people: a tree each, from what it is to what it is made of.
func Tree(out io.Writer, statuses []Status, style Style, now time.Time) {
	for i, status := range statuses {
		if i > 0 {
			fmt.Fprintln(out)
		}
		fmt.Fprintf(out, "%s", status.tree(style, now))
	}
}

func (s Status) tree(style Style, now time.Time) string {
	root := treeprint.NewWithRoot(fmt.Sprintf("%s  %s", style.paint(bold, s.Namespace+"/"+s.Name), style.ready(s.Ready, s.Reason, s.Message)))
	fact := func(name, value string) {
		if value != "" {
			root.AddNode(style.paint(dim, fmt.Sprintf("%-12s", name)) + " " + value)
		}
	}
	if s.Warning != "" {
		root.AddNode(style.paint(yellow, "warning") + "      " + s.Warning)
	}
	fact("note", s.Note)
	version := s.Image
	if s.Version != "" {
		version += "  (version " + s.Version + ")"
	}
	fact("image", version)
	fact("endpoint", s.Endpoint)
	source := s.Source
	if source == "" {
		source = "made by hand"
	}
	fact("source", source)
	if s.CertificateNotAfter != nil {
		renewal := "renewed by itself before"
		if s.Reason == v1alpha1.ReasonSuspended {
			renewal = "not renewed while suspended"
		}
		fact("certificates", "until "+day(s.CertificateNotAfter.Time, now)+"; "+renewal)
	}
	fact("names", strings.Join(further(s.Namespace, s.ServerDNSNames), ", "))
	for _, part := range s.Conditions {
		message := part.Message
		if part.Status != metav1.ConditionTrue && message == s.Message {
			message = "see above"
		}
		branch := root.AddBranch(fmt.Sprintf("%s  %s", style.paint(bold, part.Type), style.ready(part.Status, part.Reason, message)))
		addObjects(branch, part.Objects, style)
	}
	addObjects(root.AddBranch(style.paint(bold, "Other objects")), s.Others, style)
	return root.String()
}

// further are the names beside those that every gateway has.
func further(namespace string, names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		return slices.Contains(manifests.AlsoServed(namespace), name) || strings.HasPrefix(name, manifests.GatewayName+"."+namespace+".svc")
	})
}

func addObjects(to treeprint.Tree, objects []Object, style Style) {
	for _, object := range objects {
		text := style.state(object.State) + " " + object.Kind + " " + object.Name
		if object.Message != "" {
			text += style.paint(dim, "  "+object.Message)
		}
		if len(object.Objects) > 0 {
			addObjects(to.AddBranch(text), object.Objects, style)
		} else {
			to.AddNode(text)
		}
	}
}

// ready is a condition in words: True needs no reason.
func (s Style) ready(is metav1.ConditionStatus, reason, message string) string {
	colour := map[metav1.ConditionStatus]int{metav1.ConditionTrue: green, metav1.ConditionFalse: red, metav1.ConditionUnknown: yellow}[is]
	if reason == "" {
		reason = "Unknown"
	}
	return s.paint(colour, reason) + ": " + message
}

func (s Style) state(state State) string {
	colour := map[State]int{Good: green, Working: yellow, Bad: red, Gone: red, Unseen: dim}[state]
	return s.paint(colour, fmt.Sprintf("%-7s", state))
}
