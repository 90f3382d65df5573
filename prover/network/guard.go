package network

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"
)

var errForbiddenAddress = errors.New("the address is not public")

// guard decides which addresses artifacts are fetched from: the network names them, and could name the operator's own
// machines.
type guard struct {
	endpoint string // host name or address
	nets     []netip.Prefix
	dns      *net.Resolver
}

// reserved are networks that netip's own questions leave out: shared, protocol, benchmark and future use, and the ones
// that carry an IPv4 address inside.
var reserved = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("2002::/16"),
	netip.MustParsePrefix("2001::/32"), netip.MustParsePrefix("fec0::/10"),
}

func public(ip netip.Addr) bool {
	in := func(p netip.Prefix) bool { return p.Contains(ip) }
	return ip.IsGlobalUnicast() && !ip.IsPrivate() && !slices.ContainsFunc(reserved, in)
}

// control is asked after a name was resolved and before a connection is made to what it resolved to.
func (g guard) control(ctx context.Context, _, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return errForbiddenAddress
	}
	ip := at.Addr().Unmap().WithZone("")
	if public(ip) || slices.ContainsFunc(g.nets, func(p netip.Prefix) bool { return p.Contains(ip) }) {
		return nil
	}
	own, err := g.dns.LookupNetIP(ctx, "ip", g.endpoint)
	if err != nil {
		return fmt.Errorf("%w, and the endpoint's own is not known", errForbiddenAddress)
	}
	for _, o := range own {
		if o.Unmap().WithZone("") == ip {
			return nil
		}
	}
	return errForbiddenAddress
}
