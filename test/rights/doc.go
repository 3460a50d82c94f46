// Package rights holds the proof that the operator and certgen have no right that they do not need: it takes each away
// in turn, one verb on one resource by one name, and sees a story of gateways fail for it.
package rights
