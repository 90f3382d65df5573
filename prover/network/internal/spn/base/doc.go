// Package base holds the messages of the variant with reserved capacity, which a cluster of one's own speaks too.
package base
