package api_test

import (
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"claimprover/internal/api"
	"claimprover/internal/api/apitest"
	"claimprover/internal/fault"
)

// document is what these tests read of openapi.json.
type document struct {
	Components struct {
		Schemas map[string]schema
	}
}

type schema struct {
	Properties map[string]any
	Required   []string
	Enum       []string
}

func openAPI(t *testing.T) document {
	var doc document
	require.NoError(t, json.Unmarshal(api.OpenAPI, &doc))
	return doc
}

// messages are the structs of this package under the names of their schemas.
var messages = map[string]any{
	"Submission": api.Submission{}, "Job": api.Job{}, "Moment": api.Moment{}, "ProofRequest": api.Request{},
	"RelayClaim": api.RelayClaim{}, "Transaction": api.Tx{}, "JobURLs": api.URLs{}, "JobEvent": api.Event{},
	"Accepted": api.Accepted{}, "JobList": api.JobList{}, "Error": api.Error{}, "Service": api.Service{},
	"Percentiles": api.Percentiles{}, "ServiceEvent": api.ServiceEvent{}, "Stats": api.Stats{}, "Minute": api.Minute{},
	"Health": api.Health{}, "Ready": api.Ready{}, "Operation": api.Operation{}, "OperationError": api.OperationError{},
	"TokenRequest": api.TokenRequest{}, "Token": api.Token{},
	"ClaimStatus": api.ClaimStatus{}, "DryRun": api.DryRun{}, "Refusal": api.Refusal{}, "ClaimOnChain": api.ClaimOnChain{}, "ToSign": api.ToSign{},
	"VerifyRequest": api.VerifyRequest{}, "Verdict": api.Verdict{}, "Check": api.Check{},
}

func TestStructsAndSchemasHaveTheSameFields(t *testing.T) {
	t.Parallel()
	schemas := openAPI(t).Components.Schemas
	for name, message := range messages {
		fields := fieldsOf(reflect.TypeOf(message))
		s, known := schemas[name]
		require.True(t, known, name)
		require.ElementsMatch(t, slices.Collect(maps.Keys(fields)), slices.Collect(maps.Keys(s.Properties)), name)
		if name == "Operation" {
			continue // clients write it, and a field may be left out that the struct always has
		}
		for field, always := range fields {
			// urls stand in every job, but the struct leaves them to its user.
			want := always || name == "Job" && field == "urls"
			require.Equal(t, want, slices.Contains(s.Required, field), "%s.%s is required", name, field)
		}
	}
}

// fieldsOf gives each field of a message by its JSON name, and whether it is always there.
func fieldsOf(message reflect.Type) map[string]bool {
	fields := map[string]bool{}
	for f := range message.Fields() {
		tag, named := f.Tag.Lookup("json")
		if f.Anonymous && !named {
			maps.Copy(fields, fieldsOf(f.Type))
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		fields[name] = options != "omitempty"
	}
	return fields
}

func TestMessagesAreAsTheDocumentSays(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 24, 12, 0, 4, 5e6, time.UTC)
	now, yes, no := api.Time(at), true, false
	id := "0b0f4a2e-5f0e-4c56-9d2f-7a1c3d5e8f90"
	hex := func(n int) api.Hex { return make(api.Hex, n) }
	proof, empty, values := hex(260), hex(0), hex(128)
	job := func(change func(*api.Job)) api.Job {
		j := api.Job{
			JobID: id, Version: 1, Status: "pending", CreatedAt: now, Timeline: []api.Moment{{Type: "accepted", At: now}}, ProverMode: "network",
			URLs: &api.URLs{Self: "/v1/jobs/" + id, Events: "/v1/jobs/" + id + "/events", Page: "/#job=" + id},
		}
		change(&j)
		return j
	}
	pending := job(func(j *api.Job) {
		j.Position, j.QueueSize, j.ETASeconds, j.Warning = 3, 12, &[2]int{240, 420}, "Soon over."
	})
	released := job(func(j *api.Job) { j.Version, j.StartedAt = 3, &now })
	running := job(func(j *api.Job) {
		j.Version, j.Status, j.Phase, j.StartedAt, j.ETASeconds = 2, "running", "proving", &now, &[2]int{0, 0}
		j.Request = &api.Request{ID: "0x9c", Explorer: "https://explorer.example/9c", Cycles: 1, Cost: "12"}
		j.Timeline = append(j.Timeline, api.Moment{Type: "running", Phase: "proving", At: now})
	})
	verified := running
	verified.Version, verified.Phase, verified.VerifiedBy = 3, "", []string{"groth16", "onchain"}
	completed := job(func(j *api.Job) {
		j.Version, j.Status, j.StartedAt, j.FinishedAt, j.ExpiresAt = 4, "completed", &now, &now, &now
		j.Verified, j.VerifiedBy, j.ZKProof, j.PublicValues = &yes, []string{"groth16"}, &proof, &values
		j.Claim = &api.RelayClaim{Pubkey: hex(32), Amount: "1", MerkleProof: []api.Hex{hex(32)}, ZKProof: proof, Recipient: hex(20)}
		j.Transaction = &api.Tx{ChainID: 84532, To: hex(20), Data: hex(4)}
	})
	unchecked := job(func(j *api.Job) {
		j.Status, j.FinishedAt, j.ExpiresAt, j.Verified, j.ZKProof, j.PublicValues, j.Cached = "completed", &now, &now, &no, &proof, &values, true
	})
	mocked := unchecked
	mocked.ProverMode, mocked.ZKProof = "mock", &empty
	failed := job(func(j *api.Job) {
		j.Version, j.Status, j.FinishedAt, j.ExpiresAt = 2, "failed", &now, &now
		j.Failure = api.Failure{Code: "timeout", Error: "Stopped.", Message: "Stopped.", Retryable: &yes, RetryAfter: 30}
	})
	listed := completed
	listed.ZKProof, listed.Claim, listed.Transaction = nil, nil, nil
	service := api.Service{Capacity: 50, Workers: 4, FailedLastHour: map[string]int{"cancelled": 1}, ProverMode: "mock", Verifies: []string{"public_values"}, Version: "dev"}
	full := service
	full.ProofSeconds, full.ChainID, full.Anonymous, full.Paused, full.ChainAway = &api.Percentiles{P50: 1.5, P90: 2}, 1, true, "The chain is upgraded.", true

	c := apitest.New(t)
	for _, right := range []struct {
		schema  string
		message any
	}{
		{"WholeJob", pending}, {"WholeJob", released}, {"WholeJob", running}, {"WholeJob", verified}, {"WholeJob", completed},
		{"WholeJob", unchecked}, {"WholeJob", mocked}, {"WholeJob", failed},
		{"JobList", api.JobList{Jobs: []api.Job{pending, listed}, NextCursor: "c"}}, {"JobList", api.JobList{Jobs: []api.Job{}}},
		{"JobEvent", api.Event{Type: "position", ID: 1, Job: pending}}, {"JobEvent", api.Event{Type: "running", ID: 2, Job: running}},
		{"JobEvent", api.Event{Type: "verified", ID: 3, Job: verified}}, {"JobEvent", api.Event{Type: "completed", ID: 4, Job: completed}},
		{"JobEvent", api.Event{Type: "failed", ID: 2, Job: failed}},
		{"Accepted", api.Accepted{JobID: id}},
		{"Service", service}, {"ServiceEvent", api.ServiceEvent{Type: "service", ID: 1, Service: full}},
		{"Stats", api.Stats{Service: full, History: []api.Minute{{At: now}}}},
		{"Health", api.Health{Status: "ok", ProverMode: "local", QueueCapacity: 50, Workers: 4, Version: "dev"}},
		{"Ready", api.Ready{Checks: map[string]string{"store": "The store does not answer."}}},
		{"WriteError", api.Error{Status: "failed", Code: "invalid_input", Message: "No.", Error: "No.", Fields: map[string]string{"amount": "no"}, RequestID: "request-1"}},
		{"WriteError", api.Error{Status: "failed", Code: "queue_full", Message: "No.", Error: "No.", Retryable: true, RetryAfter: 30}},
		{"ReadError", api.Error{Code: "unavailable", Message: "No.", Error: "No.", Retryable: true, RetryAfter: 1}},
		{"ReadError", api.Error{Status: "failed", Code: "not_found", Message: "No.", Error: "No."}},
		{"OperationError", api.OperationError{Type: "error", JobID: id, Code: "not_found", Message: "No."}},
		{"TokenRequest", api.TokenRequest{}}, {"TokenRequest", api.TokenRequest{TTLSeconds: 3600, Scope: []string{"read"}, SS58Address: "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"}},
		{"Token", api.Token{Token: "e30.e30.AA", ExpiresAt: now}},
		{"VerifyRequest", api.VerifyRequest{Proof: "0x", PublicValues: "0x00", VKey: "0x" + strings.Repeat("00", 32)}},
		{"Verdict", api.Verdict{Valid: false, Checks: []api.Check{{Name: "plonk", Reason: "invalid", Detail: "no"}}}},
		{"ClaimStatus", api.ClaimStatus{SS58Address: "5F", Pubkey: hex(32)}},
		{"ClaimStatus", api.ClaimStatus{SS58Address: "5F", Pubkey: hex(32), Eligible: &no, Open: &no, Refusal: &api.Refusal{Code: "not_eligible", Message: "No."}}},
		{"Operation", api.Operation{Op: "subscribe", JobID: id, LastEventID: 4, Token: "t"}},
	} {
		require.NoError(t, c.Message(right.schema, api.Encode(right.message)))
	}

	but := func(j api.Job, change func(*api.Job)) api.Job { change(&j); return j }
	for says, wrong := range map[string]struct {
		schema  string
		message any
	}{
		"a running job has no place":                      {"WholeJob", but(running, func(j *api.Job) { j.Position = 1 })},
		"a running job was started":                       {"WholeJob", but(running, func(j *api.Job) { j.StartedAt = nil })},
		"a pending job has no phase":                      {"WholeJob", but(pending, func(j *api.Job) { j.Phase = "proving" })},
		"a completed job says whether it was verified":    {"WholeJob", but(completed, func(j *api.Job) { j.Verified = nil })},
		"a verified job says by what":                     {"WholeJob", but(completed, func(j *api.Job) { j.VerifiedBy = nil })},
		"an unverified job names no checks":               {"WholeJob", but(unchecked, func(j *api.Job) { j.VerifiedBy = []string{"groth16"} })},
		"a mock proof is never verified":                  {"WholeJob", but(completed, func(j *api.Job) { j.ProverMode, j.ZKProof = "mock", &empty })},
		"a mock proof is empty":                           {"WholeJob", but(mocked, func(j *api.Job) { j.ZKProof = &proof })},
		"a completed job has its proof":                   {"WholeJob", but(completed, func(j *api.Job) { j.ZKProof = nil })},
		"a running job has no proof":                      {"WholeJob", but(running, func(j *api.Job) { j.ZKProof = &proof })},
		"an ended job says until when it is kept":         {"WholeJob", but(failed, func(j *api.Job) { j.ExpiresAt = nil })},
		"an ended job has no ETA":                         {"WholeJob", but(failed, func(j *api.Job) { j.ETASeconds = &[2]int{1, 2} })},
		"a failed job says why":                           {"WholeJob", but(failed, func(j *api.Job) { j.Failure = api.Failure{} })},
		"a failed job is past warning":                    {"WholeJob", but(failed, func(j *api.Job) { j.Warning = "Soon over." })},
		"a completed job has not failed":                  {"WholeJob", but(completed, func(j *api.Job) { j.Failure = failed.Failure })},
		"a job fails with a job's code":                   {"WholeJob", but(failed, func(j *api.Job) { j.Code = "queue_full" })},
		"ids are lower-case UUIDs":                        {"WholeJob", but(pending, func(j *api.Job) { j.JobID = strings.ToUpper(id) })},
		"public values have 128 bytes":                    {"WholeJob", but(completed, func(j *api.Job) { j.PublicValues = &proof })},
		"a list has no proofs":                            {"JobList", api.JobList{Jobs: []api.Job{completed}}},
		"an event's type is its job's state":              {"JobEvent", api.Event{Type: "completed", ID: 2, Job: running}},
		"a verified event says by what":                   {"JobEvent", api.Event{Type: "verified", ID: 2, Job: running}},
		"figures count known codes":                       {"Service", api.Service{Capacity: 1, Workers: 1, FailedLastHour: map[string]int{"x": 1}, ProverMode: "mock", Verifies: []string{}, Version: "dev"}},
		"figures are never null":                          {"Service", api.Service{Capacity: 1, Workers: 1, ProverMode: "mock", Version: "dev"}},
		"a refused write says failed":                     {"WriteError", api.Error{Code: "queue_full", Message: "No.", Error: "No.", Retryable: true}},
		"a retryable error of a read does not say failed": {"ReadError", api.Error{Status: "failed", Code: "unavailable", Message: "No.", Error: "No.", Retryable: true}},
		"a final error of a read does":                    {"ReadError", api.Error{Code: "not_found", Message: "No.", Error: "No."}},
		"queue_full is retryable":                         {"WriteError", api.Error{Status: "failed", Code: "queue_full", Message: "No.", Error: "No."}},
		"not_found is not":                                {"WriteError", api.Error{Status: "failed", Code: "not_found", Message: "No.", Error: "No.", Retryable: true}},
		"a timeout stops the work":                        {"Health", api.Health{Status: "ok", ProverMode: "local", QueueCapacity: 50, Workers: 4, Version: "dev", ProofMetrics: api.ProofMetrics{TimedOutStillRunning: 1}}},
		"a token lives an hour at most":                   {"TokenRequest", api.TokenRequest{TTLSeconds: 3601}},
		"a token cannot list":                             {"TokenRequest", api.TokenRequest{Scope: []string{"list"}}},
		"an operation on a job names it":                  {"Operation", json.RawMessage(`{"op":"subscribe"}`)},
	} {
		require.Error(t, c.Message(wrong.schema, api.Encode(wrong.message)), says)
	}
}

func TestCodesAreTheSameEverywhere(t *testing.T) {
	t.Parallel()
	codes := map[string]bool{} // with whether it is retryable
	for code, retryable := range fault.Codes() {
		codes[string(code)] = retryable
	}
	all := slices.Sorted(maps.Keys(codes))

	schemas := openAPI(t).Components.Schemas
	inDocument := append(slices.Clone(schemas["ErrorCode"].Enum), schemas["JobCode"].Enum...)
	slices.Sort(inDocument)
	require.Equal(t, all, slices.Compact(inDocument), "openapi.json")

	statuses, err := apitest.Statuses()
	require.NoError(t, err)
	require.ElementsMatch(t, schemas["ErrorCode"].Enum, slices.Collect(maps.Keys(statuses)), "codes that no route answers")

	page, err := os.ReadFile("../../docs/errors.md")
	require.NoError(t, err)
	var headings, rows []string
	for _, h := range regexp.MustCompile(`(?m)^## ([a-z_]+)$`).FindAllStringSubmatch(string(page), -1) {
		headings = append(headings, h[1])
	}
	for _, row := range regexp.MustCompile("(?m)^\\| \\[`([a-z_]+)`\\]\\(#([a-z_]+)\\) \\| (.+) \\| (.+) \\|$").FindAllStringSubmatch(string(page), -1) {
		code, anchor, where, retryable := row[1], row[2], row[3], row[4]
		rows = append(rows, code)
		require.Equal(t, code, anchor)
		if code != "proof_failed" {
			require.Equal(t, map[bool]string{true: "yes", false: "no"}[codes[code]], retryable, code)
		}
		status, isAnswered := statuses[code]
		require.Equal(t, isAnswered, strings.HasPrefix(where, strconv.Itoa(status)), "%s: %s", code, where)
		require.Equal(t, slices.Contains(schemas["JobCode"].Enum, code), strings.Contains(where, "in a failed job"), "%s: %s", code, where)
	}
	require.Equal(t, rows, headings, "the table and the entries have the same order")
	slices.Sort(rows)
	require.Equal(t, all, rows, "docs/errors.md")
}
