package manifests

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// hash returns a short hash of a value's JSON.
func hash(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // apply configurations and strings: cannot fail
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}
