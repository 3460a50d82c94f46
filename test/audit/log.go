package audit

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
)

// Log reads an audit log while the API server writes it. The line of a request may be added shortly after the client has
// received the answer.
type Log struct {
	path string

	mu       sync.Mutex
	offset   int64         // of the first line that was not read yet
	lines    *bufio.Reader // kept because a benchmark reads 50 times a second
	requests []Request
}

// NewLog returns a reader of the log file at path. The API server creates the file with the first request.
func NewLog(path string) *Log {
	return &Log{path: path, lines: bufio.NewReaderSize(nil, 1<<20)}
}

// Requests returns all requests so far, in the order of the log.
func (l *Log) Requests() ([]Request, error) { return l.Since(0) }

// Mark returns the number of requests so far. Since accepts it.
func (l *Log) Mark() (int, error) {
	all, err := l.Requests()
	return len(all), err
}

// Since returns the requests after a mark.
func (l *Log) Since(mark int) ([]Request, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.read(); err != nil {
		return nil, fmt.Errorf("%s: %w", l.path, err)
	}
	return slices.Clip(l.requests[mark:]), nil
}

// WritesSince returns the requests after a mark by which the user changed objects or tried to. Failed requests, dry
// runs, Events and the leases of leader election are among them.
func (l *Log) WritesSince(mark int, user string) ([]Request, error) {
	requests, err := l.Since(mark)
	return slices.DeleteFunc(slices.Clone(requests), func(r Request) bool { return r.User != user || !r.IsWrite() }), err
}

// read reads the lines that were added since the last call.
func (l *Log) read() error {
	file, err := os.Open(l.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	defer file.Close()
	if _, err := file.Seek(l.offset, io.SeekStart); err != nil {
		return err
	}
	l.lines.Reset(file)
	for {
		line, err := l.lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil // the next call reads a line that is incomplete yet
		} else if err != nil {
			return err
		}
		r, is, err := parse(line)
		if err != nil {
			return err
		}
		l.offset += int64(len(line))
		if is {
			l.requests = append(l.requests, r)
		}
	}
}
