// Package spn holds the messages of Succinct's prover network: package common what its two variants share, packages
// auction and base what differs.
//
// The network has one set of service and message names for both variants, with different fields behind them; one
// program that registers both under those names panics at start. So each variant has a package of its own here. Names
// of messages are not on the wire, paths of methods are: those stand in [Method].
//
// What no part of this program reads or writes is left out. A body must never gain a field that the network does not
// know: the network would drop it before it looks at the signature.
package spn

// Method is the path of a call.
type Method string

// The calls.
const (
	CreateArtifact   Method = "/artifact.ArtifactStore/CreateArtifact"
	GetNonce         Method = "/network.ProverNetwork/GetNonce"
	GetBalance       Method = "/network.ProverNetwork/GetBalance"
	GetProgram       Method = "/network.ProverNetwork/GetProgram"
	CreateProgram    Method = "/network.ProverNetwork/CreateProgram"
	RequestProof     Method = "/network.ProverNetwork/RequestProof"
	GetStatus        Method = "/network.ProverNetwork/GetProofRequestStatus"
	GetDetails       Method = "/network.ProverNetwork/GetProofRequestDetails"
	GetFiltered      Method = "/network.ProverNetwork/GetFilteredProofRequests"
	GetParams        Method = "/network.ProverNetwork/GetProofRequestParams"
	GetProversUptime Method = "/network.ProverNetwork/GetProversByUptime"
	CancelRequest    Method = "/network.ProverNetwork/CancelRequest"
)

//go:generate sh generate.sh
