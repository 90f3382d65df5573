package api

// The operator's messages: of the listener on ADMIN_ADDR, which openapi.json does not describe.

// OperatorJob is a job as the operator sees it: whose it is, and its whole id, which is the capability to read it.
type OperatorJob struct {
	JobID      string   `json:"jobId"`
	Label      string   `json:"label"` // what logs call it
	Status     string   `json:"status"`
	Phase      string   `json:"phase,omitempty"`
	Code       string   `json:"code,omitempty"`
	Message    string   `json:"message,omitempty"`
	AgeSeconds int      `json:"ageSeconds"` // since it was accepted
	CreatedAt  Time     `json:"createdAt"`
	StartedAt  *Time    `json:"startedAt,omitempty"`
	FinishedAt *Time    `json:"finishedAt,omitempty"`
	Owners     []string `json:"owners"`               // the first of them
	MoreOwners int      `json:"moreOwners,omitempty"` // how many are left out
	PublicKey  Hex      `json:"publicKey"`
	EVMAddress Hex      `json:"evmAddress"`
	Amount     string   `json:"amount"`
	Cached     bool     `json:"cached,omitempty"`
	Request    *Request `json:"request,omitempty"`
}

// OperatorJobs is a page of them, newest first.
type OperatorJobs struct {
	Jobs       []OperatorJob `json:"jobs"`
	NextCursor string        `json:"nextCursor,omitempty"`
}

// Pause is the body of POST /admin/pause.
type Pause struct {
	Reason string `json:"reason"` // what callers and the page are told
}
