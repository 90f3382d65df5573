package server

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"claimprover/internal/api"
	"claimprover/internal/fault"
	"claimprover/internal/jobs"
)

// figures is GET /admin: the public figures, with the reason of a pause.
func (a *admin) figures(w http.ResponseWriter, r *http.Request) error {
	f, err := a.Feed.Service(r.Context())
	if err != nil {
		return err
	}
	a.answer(w, http.StatusOK, f)
	return nil
}

// list is GET /admin/jobs: everybody's, by status, code and age.
func (a *admin) list(w http.ResponseWriter, r *http.Request) error {
	query, err := operatorQuery(r.URL.Query(), time.Now())
	if err != nil {
		return err
	}
	page, err := a.Store.List(r.Context(), jobs.Everyone, query)
	if err != nil {
		return fmt.Errorf("listing jobs: %w", err)
	}
	out := api.OperatorJobs{Jobs: make([]api.OperatorJob, 0, len(page.Jobs)), NextCursor: page.Next}
	for _, j := range page.Jobs {
		out.Jobs = append(out.Jobs, operatorView(j))
	}
	a.answer(w, http.StatusOK, out)
	return nil
}

// operatorQuery refuses parameters that it does not know: a misspelt one would show more than was asked for.
func operatorQuery(sent url.Values, now time.Time) (q jobs.Query, err error) {
	q.Limit = 100
	for name, values := range sent {
		switch value := values[0]; name {
		case "status":
			q.Status = new(jobs.State)
			err = q.Status.UnmarshalText([]byte(value))
		case "code":
			if q.Code = fault.Code(value); !slices.Contains(codes(), q.Code) {
				err = fault.New(fault.InvalidInput, "There is no such code. The codes are listed in docs/errors.md.")
			}
		case "older":
			var age time.Duration
			if age, err = time.ParseDuration(value); err != nil || age < 0 {
				err = fault.New(fault.InvalidInput, "older must be a time such as 90s, 10m or 24h.")
			}
			q.Before = now.Add(-age)
		case "limit":
			if q.Limit, err = strconv.Atoi(value); err != nil || q.Limit < 1 || q.Limit > 100 {
				err = fault.New(fault.InvalidInput, "limit must be a whole number from 1 to 100.")
			}
		case "cursor":
			q.Cursor = value
		default:
			err = fault.New(fault.InvalidInput, "Jobs are listed by status, code, older, limit and cursor, and nothing else.")
		}
		if err == nil && len(values) > 1 {
			err = fault.New(fault.InvalidInput, "%s is given twice; send it once.", name)
		}
		if err != nil {
			return jobs.Query{}, err
		}
	}
	return q, nil
}

func codes() (all []fault.Code) {
	for code := range fault.Codes() {
		all = append(all, code)
	}
	return all
}

// maxOwners bounds what is shown of a job that many have joined.
const maxOwners = 20

func operatorView(j jobs.Job) api.OperatorJob {
	v := api.OperatorJob{
		JobID: j.ID.String(), Label: jobs.Label(j.ID), Status: j.State.String(), Phase: j.Phase,
		AgeSeconds: int(time.Since(j.CreatedAt).Seconds()), CreatedAt: api.Time(j.CreatedAt), StartedAt: api.At(j.StartedAt),
		PublicKey: j.Claim.PublicKey[:], EVMAddress: j.Claim.EVMAddress[:], Amount: j.Claim.Amount.Dec(), Cached: j.Cached,
		Owners: []string{}, MoreOwners: max(0, len(j.Owners)-maxOwners),
	}
	for _, o := range j.Owners[:min(len(j.Owners), maxOwners)] {
		v.Owners = append(v.Owners, string(o))
	}
	if r := j.Request; r.ID != "" {
		v.Request = &api.Request{ID: r.ID, Explorer: r.Explorer, Cycles: r.Cycles, Cost: r.Cost}
	}
	if out := j.Outcome; out != nil {
		v.FinishedAt = api.At(out.At)
		if out.Failure != nil {
			v.Code, v.Message = string(out.Failure.Code), out.Failure.Message
		}
	}
	return v
}

// cancel is DELETE /admin/jobs/{id}: the job ends, whoever its owners are.
func (a *admin) cancel(w http.ResponseWriter, r *http.Request) error {
	why := fault.New(fault.Cancelled, "Cancelled by the operator of this service. Submit the claim again when you like.")
	j, err := a.Store.Swap(r.Context(), jobID(r.PathValue("id")), nil, func(j jobs.Job) (jobs.Job, error) {
		return j.Failed(why, time.Now())
	})
	if err != nil {
		return fmt.Errorf("cancelling a job: %w", err)
	}
	a.log.InfoContext(r.Context(), "job cancelled by the operator", "job", jobs.Label(j.ID))
	a.answer(w, http.StatusOK, operatorView(j))
	return nil
}

// maxReason is how long the reason of a pause may be, in characters.
const maxReason = 200

// pause is POST /admin/pause: submissions are refused with a reason until resume, or until the service is started anew.
func (a *admin) pause(w http.ResponseWriter, r *http.Request) error {
	body, err := readBody(w, r, 4<<10)
	if err != nil {
		return err
	}
	var sent struct {
		Reason  string                    `json:"reason"`
		Unknown map[string]jsontext.Value `json:",unknown"`
	}
	if err := decode(body, &sent); err != nil {
		return err
	}
	bad := fields{}
	bad.foreign(sent.Unknown)
	reason := strings.TrimSpace(sent.Reason)
	if n := utf8.RuneCountInString(reason); n == 0 || n > maxReason || strings.ContainsFunc(reason, func(r rune) bool { return !unicode.IsPrint(r) }) {
		bad["reason"] = fmt.Sprintf("must say in 1 to %d printable characters why submissions are refused; callers read it", maxReason)
	}
	if err := bad.fault(); err != nil {
		return err
	}
	a.Gate.Pause(reason)
	a.log.WarnContext(r.Context(), "submissions paused", "reason", reason)
	return a.figures(w, r)
}

// resume is POST /admin/resume.
func (a *admin) resume(w http.ResponseWriter, r *http.Request) error {
	a.Gate.Resume()
	a.log.InfoContext(r.Context(), "submissions resumed")
	return a.figures(w, r)
}
