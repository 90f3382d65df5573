// Package auction holds the messages of the variant that sells proofs by auction.
package auction
