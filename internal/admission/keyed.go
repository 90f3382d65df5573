package admission

import (
	"context"
	"sync"

	"claimprover/internal/claim"
)

// keyed is a lock for each claim. It holds an entry only for claims that somebody is inside with or waits for.
type keyed struct {
	mu    sync.Mutex
	locks map[claim.Identity]*lock // guarded by mu
}

type lock struct {
	free  chan struct{} // one slot: full while free
	users int           // guarded by keyed.mu
}

// lock waits for its turn, or for ctx to end.
func (k *keyed) lock(ctx context.Context, id claim.Identity) (unlock func(), err error) {
	l := k.use(id)
	select {
	case <-l.free:
		return func() {
			l.free <- struct{}{}
			k.done(id, l)
		}, nil
	case <-ctx.Done():
		k.done(id, l)
		return nil, context.Cause(ctx)
	}
}

func (k *keyed) use(id claim.Identity) *lock {
	k.mu.Lock()
	defer k.mu.Unlock()
	l := k.locks[id]
	if l == nil {
		l = &lock{free: make(chan struct{}, 1)}
		l.free <- struct{}{}
		if k.locks == nil {
			k.locks = make(map[claim.Identity]*lock)
		}
		k.locks[id] = l
	}
	l.users++
	return l
}

func (k *keyed) done(id claim.Identity, l *lock) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if l.users--; l.users == 0 {
		delete(k.locks, id)
	}
}
