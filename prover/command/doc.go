// Package command is the prover of SP1_PROVER=local: a host program of the operator's, run as a child for each proof.
//
// # The line protocol
//
// The program is started with fixed arguments and no shell. It finds one line of JSON on its standard input, then the
// input's end:
//
//	{"version":1,"stdin":"0x…","publicValues":"0x…","claim":{"ss58Address":"5Grw…","publicKey":"0x…",
//	 "signature":"0x…","evmAddress":"0x…","amount":"1000000000000000000","challenge":"0x…"}}
//
// stdin is the one entry of the guest program's SP1 stdin, ready to be written as it is; publicValues is what the guest
// must commit to. On its standard output the program says, one line of JSON each, at most 1 MiB long:
//
//	{"type":"progress","phase":"proving"}                      as often as it likes; a phase is a word or two
//	{"type":"proof","proof":"0x…","publicValues":"0x…"}        the last word: the bytes that the verifier contract takes
//	{"type":"error","message":"…","retryable":false}           the other last word; the message is for the log alone
//
// Then it exits; the exit status says nothing. Anything else on standard output, 10,000 lines without a last word, and
// an end of the output or of the program without one, are failures. Standard error goes to the log, cut and limited.
//
// Of the environment it gets what [Options] and the list in env.go name, and CLAIMPROVER_RUN, which marks everything that
// it starts. To give it more, let the command be "/usr/bin/env NAME=value program".
//
// # What is left of it
//
// When Prove returns, nothing is left of the program. It is told to end with SIGTERM (when its time is up or it broke
// the protocol), or left to end by itself (after its last word), and gets five seconds for either. Then its process
// group, all its descendants, and every process that carries its mark are killed, until none is found. So a process
// that left the group, the session and its parent is found by its mark, and one that threw its environment away by its
// group or its parents. Only a process that did both, and whose parents have ended, can survive; so can what the
// program let somebody else start (a container by a daemon). When the service itself is killed, the kernel kills the
// program, but not what the program started.
//
// A local proof costs time, not money: the journal stays as it is. A [Prover] may be used from many goroutines; each
// Prove holds a thread of the operating system and starts three goroutines, which end with it.
package command
