package jobs

import (
	"context"
	"sync"
)

// Ending gives s with a listener for jobs that end: ended is called once for each, by whoever's write made it terminal,
// after that write. What the end of a job owes (tokens given back, its line in the log) hangs on it, and is owed once
// even where several instances hear of the same write. Where the write was made, nobody hears of the end before ended has
// returned: who submits the claim again at once finds his tokens there.
func Ending(s Store, ended func(Job)) Store {
	return &endings{Store: s, ended: ended, held: make(map[ID]*news)}
}

type endings struct {
	Store
	ended func(Job)
	hear  func(Job) // set once, by Announce

	mu   sync.Mutex
	held map[ID]*news // guarded by mu; of the jobs that are being written
}

// news is that a job has ended, while what that owes may not be settled.
type news struct {
	writers int
	end     *Job // nil: it has not ended
}

func (e *endings) Announce(f func(Job)) {
	e.hear = f
	e.Store.Announce(func(j Job) {
		if !j.Ended() || !e.hold(j) {
			f(j)
		}
	})
}

func (e *endings) Swap(ctx context.Context, id ID, l *Lease, next func(Job) (Job, error)) (Job, error) {
	return e.write(id, func() (Job, error) { return e.Store.Swap(ctx, id, l, next) })
}

func (e *endings) Leave(ctx context.Context, id ID, o Owner) (Job, error) {
	return e.write(id, func() (Job, error) { return e.Store.Leave(ctx, id, o) })
}

func (e *endings) write(id ID, do func() (Job, error)) (Job, error) {
	e.begin(id)
	defer e.tell(id)
	written, err := do()
	if err == nil && written.Ended() {
		e.ended(written)
	}
	return written, err
}

func (e *endings) begin(id ID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.held[id] == nil {
		e.held[id] = new(news)
	}
	e.held[id].writers++
}

// hold says whether the end of j is kept for the writer of j to tell.
func (e *endings) hold(j Job) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := e.held[j.ID]
	if n == nil {
		return false
	}
	n.end = &j
	return true
}

// tell passes on what was held, by the last of those who write the job.
func (e *endings) tell(id ID) {
	e.mu.Lock()
	n := e.held[id]
	if n.writers--; n.writers > 0 {
		e.mu.Unlock()
		return
	}
	delete(e.held, id)
	e.mu.Unlock()
	if n.end != nil {
		e.hear(*n.end)
	}
}
