package memstore_test

import (
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"claimprover/internal/jobs"
	"claimprover/internal/jobs/jobstest"
	"claimprover/internal/jobs/memstore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestStore(t *testing.T) {
	t.Parallel()
	jobstest.Run(t, jobstest.Harness{
		Open: func(t *testing.T, o jobstest.Options) (one, other jobs.Store) {
			s := memstore.New(memstore.Options{QueueCapacity: o.QueueCapacity, JobsTTL: o.JobsTTL, CacheTTL: o.CacheTTL})
			t.Cleanup(func() { _ = s.Close() })
			return s, s
		},
		Sleep: func(d time.Duration) {
			time.Sleep(d)
			synctest.Wait()
		},
		Around: synctest.Test,
	})
}
