// Package internal_test holds the shape of the project: which package may know which, and that each says what it is.
package internal_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// edge is a dependency that must not be. Paths are within the module unless they have a dot in their first part; an
// ending "/..." means the package and all below it; std is for the standard library.
type edge struct {
	from    string
	to      string
	except  []string // of to
	direct  bool     // only an import of its own counts, not one of a package it imports
	because string
}

const all = "..."

var forbidden = []edge{
	{from: "internal/fault", to: all, because: "everyone may import it"},
	{from: "internal/api", to: all, because: "the wire's messages carry no rules, and clients import them"},
	{from: "hub", to: all, because: "the hub carries bytes and does not know what a message means"},
	{from: "prover", to: all, because: "a prover knows neither jobs nor claims"},
	{from: "prover/...", to: "internal/...", except: []string{"internal/fault"}, because: "a prover knows its input and its journal, not whose job it is"},
	{from: "internal/claim", to: all, except: []string{"internal/fault"}, because: "what is claimed does not depend on what becomes of it"},
	{from: "internal/rate", to: all, except: []string{"internal/fault"}, because: "a window counts keys and does not know whose"},

	{from: "internal/jobs/...", to: "server/...", because: "a job lives on when nobody is connected"},
	{from: "internal/jobs/...", to: "hub", because: "a store announces by a plain call and does not know who follows"},
	{from: "internal/jobs/...", to: "internal/api", because: "a job is not what its readers see"},
	{from: "internal/jobs/...", to: "internal/feed", because: "feed reads the store, never the other way round"},
	{from: "internal/jobs/...", to: "internal/admission", because: "what was admitted is proved, whoever admitted it"},
	{from: "internal/jobs", to: "internal/jobs/memstore", because: "the pool works on any store"},
	{from: "internal/feed", to: "server/...", because: "feed makes messages and does not know how they travel"},
	{from: "internal/feed", to: "internal/admission", because: "state lives in the store and nowhere else"},
	{from: "internal/admission", to: "server/...", because: "a guard is the same over any transport"},
	{from: "internal/admission", to: "internal/feed", because: "a guard reads the store, not what followers are told"},
	{from: "internal/admission", to: "hub", because: "a guard tells nobody anything"},
	{from: "internal/auth", to: "internal/jobs", because: "who is calling does not depend on what he owns"},
	{from: "internal/auth", to: "server/...", because: "authentication is asked by the server, not the other way round"},
	{from: "internal/eligibility", to: "internal/jobs", because: "the list is older than any job"},
	{from: "internal/verify", to: "internal/jobs", because: "a proof is checked against its claim, not against its job"},
	{from: "internal/chain", to: "internal/jobs", because: "the chain answers about claims"},
	{from: "internal/client", to: all, except: []string{"internal/api", "internal/fault"}, because: "a client has what the wire contract gives it"},
	{from: "server/stream", to: "internal/jobs", because: "a stream gives on bytes of the hub and does not know jobs"},
	{from: "server/stream", to: "internal/claim", because: "a stream gives on bytes of the hub and does not know claims"},

	{from: all, to: "internal/config", except: []string{"internal/cli"}, because: "settings are judged once; a package takes what it needs"},
	{from: all, to: "internal/cli", because: "the parts do not know how they are wired"},
	{from: "server/...", to: "prover/mock", because: "only the composition root chooses a prover"},
	{from: "server/...", to: "internal/jobs/memstore", because: "only the composition root chooses a store"},

	{from: all, to: "github.com/gin-gonic/gin/...", except: []string{"server", "internal/load"}, direct: true, because: "no domain function sees a *gin.Context; the load command measures beside a hand-written one"},
	{from: all, to: "github.com/coder/websocket", except: []string{"server/stream", "internal/client", "internal/load"}, direct: true, because: "sockets end in two places; the load command opens thousands"},
	{from: "internal/claim", to: "std/net/http", direct: true, because: "no HTTP below the server"},
	{from: "internal/jobs/...", to: "std/net/http", direct: true, because: "no HTTP below the server"},
	{from: "internal/admission", to: "std/net/http", direct: true, because: "no HTTP below the server"},
	{from: "internal/feed", to: "std/net/http", direct: true, because: "no HTTP below the server"},
	{from: "internal/fault", to: "std/net/http", direct: true, because: "the one table from codes to statuses is the server's"},
	{from: "hub", to: "std/net/http", direct: true, because: "the hub does not know how messages travel"},

	{from: "internal/cli", to: "internal/verify/verifytest", because: "whoever has it can prove anything"}, // std/testing is linked by gnark
	{from: "internal/cli", to: "github.com/stretchr/testify/...", because: "what only tests need is not shipped"},
	{from: "internal/cli", to: "github.com/getkin/kin-openapi/...", because: "what only tests need is not shipped"},
}

// pkg is what these tests read of go list.
type pkg struct {
	ImportPath string
	Doc        string
	GoFiles    []string
	Imports    []string
	Deps       []string
}

const module = "claimprover"

func packages(t *testing.T) []pkg {
	cmd := exec.CommandContext(t.Context(), "go", "list", "-e", "-json=ImportPath,Doc,GoFiles,Imports,Deps", "./...")
	cmd.Dir = ".."
	out, err := cmd.Output()
	require.NoError(t, err)
	var found []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return found
		}
		require.NoError(t, err)
		if len(p.GoFiles) > 0 && !strings.Contains(p.ImportPath, "/node_modules/") {
			found = append(found, p)
		}
	}
}

// local is a path as the table writes it.
func local(path string) string {
	if path == module {
		return "."
	}
	if inside, is := strings.CutPrefix(path, module+"/"); is {
		return inside
	}
	if first, _, _ := strings.Cut(path, "/"); !strings.Contains(first, ".") {
		return "std/" + path
	}
	return path
}

// matches says whether a path in the table's spelling fits a pattern of it. "..." is every package of the module.
func matches(pattern, path string) bool {
	if pattern == all {
		first, _, _ := strings.Cut(path, "/")
		return path == "." || !strings.Contains(first, ".") && first != "std"
	}
	if tree, is := strings.CutSuffix(pattern, "/..."); is {
		return path == tree || strings.HasPrefix(path, tree+"/")
	}
	return path == pattern
}

// exempt says whether the edge may be after all: for rules on every package the exceptions are who may, else what.
func (e edge) exempt(from, to string) bool {
	if e.from == all {
		return from == "." || slices.Contains(e.except, from)
	}
	return slices.Contains(e.except, to)
}

// broken gives the forbidden dependencies of p.
func (e edge) broken(p pkg) (found []string) {
	from := local(p.ImportPath)
	if !matches(e.from, from) {
		return nil
	}
	reach := p.Deps
	if e.direct || e.from == all {
		reach = p.Imports
	}
	for _, dep := range reach {
		if to := local(dep); to != from && matches(e.to, to) && !e.exempt(from, to) {
			found = append(found, to)
		}
	}
	return found
}

func TestForbiddenEdges(t *testing.T) {
	t.Parallel()
	known := packages(t)
	for _, e := range forbidden {
		applies := false
		for _, p := range known {
			applies = applies || matches(e.from, local(p.ImportPath))
			for _, to := range e.broken(p) {
				t.Errorf("%s depends on %s, but %s", local(p.ImportPath), to, e.because)
			}
		}
		require.True(t, applies, "no package is called %s any more: what of its rule?", e.from)
	}
}

func TestAForbiddenEdgeIsFound(t *testing.T) {
	t.Parallel()
	p := func(path string, deps ...string) pkg { return pkg{ImportPath: path, Imports: deps, Deps: deps} }
	leaf := edge{from: "hub", to: all}
	require.Equal(t, []string{"internal/jobs"}, leaf.broken(p("claimprover/hub", "claimprover/internal/jobs", "fmt", "golang.org/x/sync/errgroup")))
	require.Empty(t, leaf.broken(p("claimprover/server", "claimprover/internal/jobs")))

	only := edge{from: all, to: "github.com/gin-gonic/gin/...", except: []string{"server"}}
	require.NotEmpty(t, only.broken(p("claimprover/internal/jobs", "github.com/gin-gonic/gin/binding")))
	require.Empty(t, only.broken(p("claimprover/server", "github.com/gin-gonic/gin")))

	but := edge{from: "prover/...", to: "internal/...", except: []string{"internal/fault"}}
	require.Equal(t, []string{"internal/jobs"}, but.broken(p("claimprover/prover/mock", "claimprover/internal/fault", "claimprover/internal/jobs")))

	std := edge{from: "internal/jobs/...", to: "std/net/http"}
	require.Equal(t, []string{"std/net/http"}, std.broken(p("claimprover/internal/jobs/memstore", "net/http")))
}

func TestEachPackageSaysWhatItIs(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		if p.Doc == "" {
			t.Errorf("%s has no package comment", local(p.ImportPath))
		}
	}
}
