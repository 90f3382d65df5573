package internal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestEveryThreatHasItsTest looks for each test that docs/threats.md names, and for a name in each of its rows.
func TestEveryThreatHasItsTest(t *testing.T) {
	t.Parallel()
	paper, err := os.ReadFile("../docs/threats.md")
	require.NoError(t, err)
	named := regexp.MustCompile("`([^`]+)`")
	rows := 0
	for line := range strings.Lines(string(paper)) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 || strings.TrimSpace(cells[3]) == "shown by" || strings.HasPrefix(cells[1], "---") {
			continue
		}
		rows++
		tests := named.FindAllStringSubmatch(cells[3], -1)
		require.NotEmpty(t, tests, "nothing shows:%s", cells[1])
		for _, test := range tests {
			require.True(t, exists(t, test[1]), "there is no %s, which is to show:%s", test[1], cells[1])
		}
	}
	require.Greater(t, rows, 40, "the table was not read")
}

// goTest is "folder.TestName" or "folder.TestName/the name of a subtest"; jsTest is "file.test.js/the name of a test".
var (
	goTest = regexp.MustCompile(`^([a-z0-9/]+)\.((?:Test|Fuzz)\w+)(?:/(.+))?$`)
	jsTest = regexp.MustCompile(`^(\S+\.test\.js)/(.+)$`)
)

func exists(t *testing.T, name string) bool {
	t.Helper()
	if target, is := strings.CutPrefix(name, "make "); is {
		makefile, err := os.ReadFile("../Makefile")
		require.NoError(t, err)
		return strings.Contains(string(makefile), "\n"+target+":")
	}
	if found := jsTest.FindStringSubmatch(name); found != nil {
		text, err := os.ReadFile(filepath.Join("..", found[1]))
		return err == nil && strings.Contains(string(text), `test("`+found[2]+`"`)
	}
	found := goTest.FindStringSubmatch(name)
	if found == nil {
		return false
	}
	files, err := filepath.Glob(filepath.Join("..", found[1], "*_test.go"))
	require.NoError(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		parsed, err := parser.ParseFile(token.NewFileSet(), file, text, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, declared := range parsed.Decls {
			function, is := declared.(*ast.FuncDecl)
			if !is || function.Recv != nil || function.Name.Name != found[2] {
				continue
			}
			body := string(text[function.Pos()-parsed.FileStart : function.End()-parsed.FileStart])
			return found[3] == "" || strings.Contains(body, `"`+found[3]+`"`)
		}
	}
	return false
}
