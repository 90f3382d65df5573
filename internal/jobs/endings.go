package jobs

import "context"

// Ending gives s with a listener for jobs that end: ended is called once for each, by whoever's write made it terminal,
// after that write. What the end of a job owes (tokens given back, its line in the log) hangs on it, and is owed once
// even where several instances hear of the same write.
func Ending(s Store, ended func(Job)) Store { return endings{Store: s, ended: ended} }

type endings struct {
	Store
	ended func(Job)
}

func (e endings) Swap(ctx context.Context, id ID, l *Lease, next func(Job) (Job, error)) (Job, error) {
	written, err := e.Store.Swap(ctx, id, l, next)
	if err == nil && written.Ended() {
		e.ended(written)
	}
	return written, err
}

func (e endings) Leave(ctx context.Context, id ID, o Owner) (Job, error) {
	written, err := e.Store.Leave(ctx, id, o)
	if err == nil && written.Ended() {
		e.ended(written)
	}
	return written, err
}
