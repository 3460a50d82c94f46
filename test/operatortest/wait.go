package operatortest

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrEnded reports that the operator under test has ended. No further waiting helps.
var ErrEnded = errors.New("the operator has ended")

// Poll calls check at an interval until it returns nil or ErrEnded. After the limit, or when ctx ends, it returns the last
// error of check. Without a limit, which is zero, only ctx ends it.
func Poll(ctx context.Context, interval, limit time.Duration, check func() error) error {
	var late <-chan time.Time
	if limit > 0 {
		late = time.After(limit)
	}
	for {
		err := check()
		if err == nil || errors.Is(err, ErrEnded) {
			return err
		}
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return fmt.Errorf("not in time: %w", err)
			}
			return errors.Join(context.Cause(ctx), err)
		case <-late:
			return fmt.Errorf("not within %s: %w", limit, err)
		case <-time.After(interval):
		}
	}
}

// Pause waits for a time. It returns early, with an error, if ctx ends.
func Pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
