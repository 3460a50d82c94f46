package gateway

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// Tokens issues and verifies the tokens of sandboxes.
type Tokens struct {
	signing     ed25519.PrivateKey
	public      ed25519.PublicKey
	kid, issuer string
	ttl         int64 // seconds; 0 means that tokens do not expire
}

type header struct {
	Algorithm string `json:"alg"`
	Kid       string `json:"kid"`
}

type claims struct {
	Subject   string `json:"sub"`
	Issuer    string `json:"iss"`
	Audience  string `json:"aud"`
	IssuedAt  int64  `json:"iat"`
	Expires   int64  `json:"exp"`
	SandboxID string `json:"sandbox_id"`
}

// Issue returns a token for a sandbox.
func (t *Tokens) Issue(sandbox string, now time.Time) string {
	c := claims{Subject: "spiffe://openshell/sandbox/" + sandbox, Issuer: t.issuer, Audience: t.issuer, IssuedAt: now.Unix(), SandboxID: sandbox}
	if t.ttl > 0 {
		c.Expires = now.Unix() + t.ttl
	}
	text := segment(header{Algorithm: "EdDSA", Kid: t.kid}) + "." + segment(c)
	return text + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(t.signing, []byte(text)))
}

func segment(value any) string {
	text, _ := json.Marshal(value) // strings and integers: cannot fail
	return base64.RawURLEncoding.EncodeToString(text)
}

// errOther is the verdict on a token that another issuer may have signed.
var errOther = errors.New("another key")

// verify returns the sandbox that a token names. It returns errOther if the token names another key.
func (t *Tokens) verify(token string, now time.Time) (string, error) {
	parts := strings.Split(token, ".")
	var h header
	if len(parts) != 3 || parse(parts[0], &h) != nil {
		return "", errors.New("invalid token")
	}
	if h.Kid != t.kid || h.Algorithm != "EdDSA" {
		return "", errOther
	}
	var c claims
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	switch {
	case err != nil || !ed25519.Verify(t.public, []byte(parts[0]+"."+parts[1]), signature):
		return "", errors.New("invalid token: InvalidSignature")
	case parse(parts[1], &c) != nil || c.Issuer != t.issuer || c.Audience != t.issuer:
		return "", errors.New("invalid token: InvalidIssuer")
	case c.Expires != 0 && c.Expires < now.Unix()-60:
		return "", errors.New("invalid token: ExpiredSignature")
	}
	return c.SandboxID, nil
}

func parse(segment string, into any) error {
	text, err := base64.RawURLEncoding.DecodeString(segment)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// match reports whether the public key belongs to the signing key.
func (t *Tokens) match() bool { return t.public.Equal(t.signing.Public()) }

// PublishedKeys returns the document with the key that verifies tokens.
func (t *Tokens) PublishedKeys() []byte {
	key := map[string]string{"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": t.kid, "x": base64.RawURLEncoding.EncodeToString(t.public)}
	text, _ := json.Marshal(map[string]any{"keys": []any{key}}) // strings: cannot fail
	return text
}

// Discovery returns the document that names the issuer of tokens and, below a base URL, the document with its key.
func (t *Tokens) Discovery(base string) []byte {
	text, _ := json.Marshal(map[string]any{ // strings: cannot fail
		"issuer": t.issuer, "jwks_uri": base + "/.well-known/jwks.json", "id_token_signing_alg_values_supported": []string{"EdDSA"},
	})
	return text
}

// A Caller is what a gateway knows of the client of a request.
type Caller struct {
	Authorization string // the header
	Certificate   bool   // the handshake verified a client certificate
}

const administrator = "administrator"

// Identify returns who a caller is: "sandbox ID", or "administrator", which every caller without a known token is while
// unauthenticated users are allowed. It returns an error if the caller is refused. A gateway with OIDC accepts the tokens of
// the issuer, too; here these are refused, because no issuer is asked.
func (c *Config) Identify(t *Tokens, caller Caller, now time.Time) (string, error) {
	g := c.OpenShell.Gateway
	token, given := strings.CutPrefix(caller.Authorization, "Bearer ")
	if given && t != nil {
		sandbox, err := t.verify(token, now)
		if err == nil {
			return "sandbox " + sandbox, nil
		} else if !errors.Is(err, errOther) {
			return "", err
		}
	}
	if g.OIDC != nil && given {
		return "", errors.New("invalid token")
	}
	if c.release.ReadsSchema2() {
		return c.identifyUser2(t, caller)
	}
	if g.OIDC != nil || t != nil && !g.Auth.AllowUnauthenticatedUsers {
		return "", errors.New("no token")
	}
	return administrator, nil
}

// identifyUser2 identifies a caller without a known token. Without OIDC there are no roles, so every user is an administrator. A
// gateway on which nothing identifies a caller admits all of them.
func (c *Config) identifyUser2(t *Tokens, caller Caller) (string, error) {
	g, byCertificate := c.OpenShell.Gateway, c.MapsCertificates()
	switch {
	case byCertificate && caller.Certificate, g.Auth.AllowUnauthenticatedUsers:
		return administrator, nil
	case byCertificate && t == nil && g.OIDC == nil:
		return "", errors.New("missing client certificate")
	case byCertificate, t != nil, g.OIDC != nil:
		return "", errors.New("missing authorization header")
	}
	return administrator, nil
}
