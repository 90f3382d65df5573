package rate

import "net/netip"

// IPKey is the key under which a client's address is counted: an IPv4 address by itself, also when it is written as an
// IPv6 one, and an IPv6 address by its /64, since whoever has one address there has them all.
func IPKey(addr netip.Addr) string {
	addr = addr.Unmap()
	if !addr.Is6() {
		return addr.String() // of no address at all: "invalid IP", one key for everybody without
	}
	prefix, _ := addr.Prefix(64) // 64 bits always fit; a zone is dropped
	return prefix.String()
}
