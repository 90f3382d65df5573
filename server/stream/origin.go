package stream

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Origins are the web origins (RFC 6454) whose pages may use the service: one list for CORS and for WebSocket upgrades.
// The zero value holds none; the service's own pages need not be listed.
type Origins struct {
	any  bool
	list map[string]bool
}

// ParseOrigins reads a list of origins, each exactly as a browser sends it: scheme://host, with the port if it is not
// the scheme's own, in lower case. "*" stands for all. The error names every entry that no browser would send.
func ParseOrigins(list []string) (Origins, error) {
	o := Origins{list: make(map[string]bool, len(list))}
	var wrong []string
	for _, origin := range list {
		switch want := asSent(origin); {
		case origin == "*":
			o.any = true
		case want == "":
			wrong = append(wrong, fmt.Sprintf("%q is not scheme://host or scheme://host:port", origin))
		case want != origin:
			wrong = append(wrong, fmt.Sprintf("%q is sent by browsers as %q", origin, want))
		default:
			o.list[origin] = true
		}
	}
	if len(wrong) > 0 {
		return Origins{}, fmt.Errorf("origins: %s", strings.Join(wrong, "; "))
	}
	return o, nil
}

// asSent is how a browser writes the origin of a page at that address; nothing if it is no origin.
func asSent(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "" || u.Host == "" || u.User != nil || u.Path != "" && u.Path != "/" ||
		u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.ContainsFunc(u.Host, neverInHost) {
		return ""
	}
	return u.Scheme + "://" + trimDefaultPort(u.Scheme, strings.ToLower(u.Host))
}

// neverInHost: browsers send names beyond ASCII as xn--; a pattern is not an origin.
func neverInHost(r rune) bool { return r <= ' ' || r >= 0x7f || r == '*' || r == ',' }

func trimDefaultPort(scheme, host string) string {
	switch scheme {
	case "http":
		return strings.TrimSuffix(host, ":80")
	case "https":
		return strings.TrimSuffix(host, ":443")
	}
	return host
}

// Any says whether all origins are allowed.
func (o Origins) Any() bool { return o.any }

// Allows says whether pages of that origin may use the service. "null", which a sandboxed frame or a file sends, stands
// for nobody in particular and is never allowed.
func (o Origins) Allows(origin string) bool {
	return o.list[origin] || o.any && asSent(origin) == origin && origin != ""
}

// AllowsRequest judges the header Origin: none (no browser), the service's own host, or one that is allowed.
func (o Origins) AllowsRequest(r *http.Request) bool {
	switch sent := r.Header.Values("Origin"); len(sent) {
	case 0:
		return true
	case 1:
		return isOwn(sent[0], r.Host) || o.Allows(sent[0])
	default:
		return false
	}
}

// isOwn takes either scheme: a proxy in front may speak TLS for us.
func isOwn(origin, host string) bool {
	scheme, rest, _ := strings.Cut(origin, "://")
	return (scheme == "http" || scheme == "https") && rest != "" && rest == trimDefaultPort(scheme, strings.ToLower(host))
}
