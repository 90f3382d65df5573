// Package network is the prover of SP1_PROVER=network: the client of Succinct's prover network, and of an SP1 cluster
// of one's own behind its gateway.
//
// # What is promised
//
// A claim is never paid for twice, and what has been paid for is never lost. A request is built, signed, and written
// to the journal with its nonce, its id and the name of its input; only then is it sent. An answer that did not come
// is looked for by id, and by the input's name, and only if the network does not know it are the same bytes sent
// again. A request that was sent is followed until it has ended, by whoever holds its journal: a timeout, a shutdown
// and a crash leave it to be picked up. A journal that cannot be read buys nothing.
//
// All signed calls of a [Client] have one sequence of nonces and are made one after the other. Two processes with one
// key would fight over it: give each its own.
//
// # What it believes
//
// The network's answers carry no signature. So prices have ceilings of one's own, the domain that is signed for is
// known beforehand, an artifact is fetched only from public addresses (or the endpoint's own), in bounded size, and a
// proof must be of the claim that was asked for. Whether it is a proof at all is for package verify to say.
//
// A [Client] may be used from many goroutines; it holds one connection for all of them. It was never tried against a
// live endpoint: what the network does is known from its public sources and from what others saw.
package network
