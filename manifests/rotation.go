package manifests

import (
	"regexp"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// Rotation is what a user requests to rotate. The user chooses the values. Each new value triggers one rotation, and an empty one
// none.
type Rotation struct {
	TLS, CA, Tokens string
}

// rotationValue matches values that fit into an argument, an annotation and a status: dates, times, versions and words.
var rotationValue = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9:._+-]{0,61}[A-Za-z0-9])?$`)

// rotationOf reads the annotations that request rotations.
func rotationOf(gt *v1alpha1.GatewayTenant) (r Rotation, errs []*RejectedError) {
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
			errs = append(errs, reject(v1alpha1.ReasonInvalidRotation, "metadata.annotations["+one.annotation+"]", value,
				"cannot be used; write at most 63 letters, digits and :._+- that begin and end with a letter or digit, such as a date"))
		}
		*one.into = value
	}
	return r, errs
}

// args returns the arguments of certgen for the rotation.
func (r Rotation) args() []string {
	var args []string
	for _, one := range []struct{ flag, value string }{{"--rotate-tls=", r.TLS}, {"--rotate-ca=", r.CA}, {"--rotate-tokens=", r.Tokens}} {
		if one.value != "" {
			args = append(args, one.flag+one.value)
		}
	}
	return args
}

// CheckRotation rejects invalid values of the annotations that request rotations. The error is a [*RejectedError].
func CheckRotation(gt *v1alpha1.GatewayTenant) error {
	_, errs := rotationOf(gt)
	return rejections(errs, 0)
}
