package manifests

import (
	"regexp"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// Rotation is what a tenant's user asked to be made anew. Each value is of the user's choice: one that a Secret was not
// made under asks once, until it is. Empty asks for nothing.
type Rotation struct {
	TLS, CA, Tokens string
}

// rotationValue is what fits into an argument, an annotation and a status: dates, times, versions, words.
var rotationValue = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9:._+-]{0,61}[A-Za-z0-9])?$`)

// rotationOf reads the annotations by which rotations are asked for.
func rotationOf(gt *v1alpha1.GatewayTenant) (Rotation, error) {
	var r Rotation
	for _, one := range []struct {
		annotation string
		into       *string
	}{
		{v1alpha1.AnnotationRotateTLS, &r.TLS},
		{v1alpha1.AnnotationRotateCA, &r.CA},
		{v1alpha1.AnnotationRotateTokens, &r.Tokens},
	} {
		value := gt.Annotations[one.annotation]
		if value != "" && !rotationValue.MatchString(value) {
			return Rotation{}, reject(v1alpha1.ReasonInvalidRotation, "metadata.annotations["+one.annotation+"]", value,
				"cannot be used; write at most 63 letters, digits and :._+- that begin and end with a letter or digit, such as a date")
		}
		*one.into = value
	}
	return r, nil
}

// args are certgen's arguments for it.
func (r Rotation) args() []string {
	var args []string
	for _, one := range []struct{ flag, value string }{{"--rotate-tls=", r.TLS}, {"--rotate-ca=", r.CA}, {"--rotate-tokens=", r.Tokens}} {
		if one.value != "" {
			args = append(args, one.flag+one.value)
		}
	}
	return args
}

// CheckRotation refuses values of the annotations that ask for a rotation which cannot be used. The error is a
// [*RejectedError].
func CheckRotation(gt *v1alpha1.GatewayTenant) error {
	_, err := rotationOf(gt)
	return err
}
