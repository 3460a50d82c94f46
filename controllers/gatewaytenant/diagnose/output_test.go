package diagnose

import (
	"strings"
	"testing"
)

// TestOutputHasTheLinesThatMatter holds termination messages, which are the end of a log, against what the status quotes.
func TestOutputHasTheLinesThatMatter(t *testing.T) {
	const at = "\x1b[2m2026-11-29T10:00:07.123456Z\x1b[0m"
	long := strings.Repeat("0123456 ", 100)
	for _, c := range []struct{ what, message, want string }{
		{"nothing", "", ""},
		{"a log without errors", "one\ntwo\nthree\n\nfour\n", "two / three / four"},
		{"a log with errors", "ERROR a\nb\nlevel=error msg=c\nshutting down\nbye\nnow\n", "ERROR a / level=error msg=c"},
		{"a log in JSON", `{"level":"info","msg":"a"}` + "\n" + `{"level":"error","msg":"b"}` + "\n" + `{"level":"info","msg":"c"}`, `{"level":"error","msg":"b"}`},
		{"klog", "I1129 10:00:07.123456       1 main.go:1] a\nF1129 10:00:07.123456       1 main.go:2] b\n", "F… main.go:2] b"},
		{"an error report in a frame", at + " \x1b[32m INFO\x1b[0m starting\nError:   \x1b[31m×\x1b[0m failed to prepare the key-\n  \x1b[31m│\x1b[0m encryption key: failed to\n  \x1b[31m│\x1b[0m chmod\n  \x1b[31m╰─▶\x1b[0m not permitted\n  help: use another\n",
			"Error:   × failed to prepare the key-encryption key: failed to chmod / not permitted / help: use another"},
		{"a panic of Rust", "\nthread 'main' (17) panicked at src/main.rs:10:5:\nno key\nnote: run with `RUST_BACKTRACE=1`\n", "thread 'main' panicked at src/main.rs:10:5: / no key / note: run with `RUST_BACKTRACE=1`"},
		{"a panic of Go", "a\npanic: no key\n\ngoroutine 1 [running]:\nmain.main()\n\t/main.go:3 +0x1\n", "panic: no key"},
		{"a report after errors", "ERROR a\nError: b\n  c\n", "Error: b / c"},
		{"progress on one line", "10%\r20%\rfailed", "10% / 20% / failed"},
		{"the end of a line that was cut", strings.Repeat("x", maxTermination) + "\nthe next\n", "the next"},
		{"the end of a line that was cut within a character", strings.Repeat("x", maxTermination-len("..\nthe next\n")) + "\nthe next\n", "the next"},
		{"one long line", long, strings.TrimSpace(long[:600]) + "…"},
		{"many long lines", "Error: a\n" + long[:400] + "\n" + long[:400] + "\nb\n", "Error: a / " + strings.TrimSpace(long[:400]) + " / …"},
	} {
		if got := programOutput(c.message); got != c.want {
			t.Errorf("%s: %q, want %q", c.what, got, c.want)
		}
	}
}
