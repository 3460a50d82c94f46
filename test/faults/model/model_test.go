package model

import "testing"

func TestBridgeComesToRest(t *testing.T) {
	result, err := Bridge()
	if err != nil {
		t.Fatal(err)
	}
	tell(t, result)
}

func TestCertificatesComeToRest(t *testing.T) { tell(t, Certificates(1)) }

func TestAppliesComeToRest(t *testing.T) {
	result, err := Applies(1)
	if err != nil {
		t.Fatal(err)
	}
	tell(t, result)
}

func tell(t *testing.T, result Result) {
	t.Helper()
	for _, violation := range result.Violations[:min(3, len(result.Violations))] {
		t.Error(violation)
	}
	t.Logf("%d states, %d violations", result.States, len(result.Violations))
}
