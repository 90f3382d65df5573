// Package common holds the messages that are the same in both variants of the network.
package common
