package child

import (
	"errors"
	"os/exec"
	"runtime"
	"sync"
)

// Launcher starts child processes that end with this process, even when it is killed.
//
// Linux ties that promise to the thread that created the child, and Go ends and reuses threads as it likes. So a
// launcher keeps one thread for itself until it is closed.
type Launcher struct {
	requests chan request
	quit     chan struct{}
	once     sync.Once
}

type request struct {
	cmd   *exec.Cmd
	reply chan error
}

// NewLauncher returns a launcher, which has to be closed when its children are gone.
func NewLauncher() *Launcher {
	l := &Launcher{requests: make(chan request), quit: make(chan struct{})}
	go func() {
		runtime.LockOSThread() // Never unlocked: the thread ends with the goroutine.
		for {
			select {
			case r := <-l.requests:
				dieWithParent(r.cmd)
				r.reply <- r.cmd.Start()
			case <-l.quit:
				return
			}
		}
	}()
	return l
}

// Start starts cmd.
func (l *Launcher) Start(cmd *exec.Cmd) error {
	r := request{cmd: cmd, reply: make(chan error, 1)}
	select {
	case l.requests <- r:
		return <-r.reply
	case <-l.quit:
		return errors.New("the launcher is closed")
	}
}

// Close gives the thread back. A child that still runs is killed.
func (l *Launcher) Close() { l.once.Do(func() { close(l.quit) }) }
