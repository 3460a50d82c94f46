package main

import (
	"bufio"
	"bytes"
	"io"
	"time"
)

// stream is a watch on its way to an operator. Its events are lines.
type stream struct {
	body    io.ReadCloser
	lines   *bufio.Reader
	of      *operator
	watched string
	rest    bytes.Buffer // of a line that was read and not yet handed on
}

func newStream(body io.ReadCloser, of *operator, watched string) *stream {
	return &stream{body: body, lines: bufio.NewReader(body), of: of, watched: watched}
}

// Read hands on the next event, once the watch is not frozen.
func (s *stream) Read(into []byte) (int, error) {
	for s.rest.Len() == 0 {
		line, err := s.lines.ReadBytes('\n')
		if err != nil {
			return 0, err
		}
		for (s.of.watching.frozen.Load() || s.of.proxy.past.Load() != nil) && s.of.ctx.Err() == nil {
			time.Sleep(5 * time.Millisecond)
		}
		if s.of.watching.expired.Load() {
			return 0, io.ErrUnexpectedEOF // it breaks, and cannot be taken up again where it was
		}
		if s.swallows() && bytes.HasPrefix(line, []byte(`{"type":"DELETED"`)) {
			continue
		}
		for s.swallows() && s.of.ctx.Err() == nil { // what came in its place is seen later, as a relist would show it
			time.Sleep(5 * time.Millisecond)
		}
		s.rest.Write(line)
	}
	return s.rest.Read(into)
}

// swallows tells whether the plan has just now something vanish of which the operator does not hear.
func (s *stream) swallows() bool {
	swallowed := s.of.watching.swallow.Load()
	return swallowed != nil && *swallowed == s.watched
}

// Close ends the watch.
func (s *stream) Close() error { return s.body.Close() }
