package internal_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPapersPointAtWhatIsThere follows every relative link and picture of the papers, and looks for every make target
// and command that they name.
func TestPapersPointAtWhatIsThere(t *testing.T) {
	t.Parallel()
	papers, err := filepath.Glob("../*.md")
	require.NoError(t, err)
	docs, err := filepath.Glob("../docs/*.md")
	require.NoError(t, err)
	makefile, err := os.ReadFile("../Makefile")
	require.NoError(t, err)
	grammar, err := os.ReadFile("cli/cli.go")
	require.NoError(t, err)
	link := regexp.MustCompile(`\]\(([^)#:\s]+)(#[^)]*)?\)`)
	target := regexp.MustCompile("(?m)(?:^|`)(?:[A-Z_]+=\\S+ )?make ([a-z]+)")
	command := regexp.MustCompile("claimprover ([a-z][a-z-]+)")
	for _, paper := range append(papers, docs...) {
		content, err := os.ReadFile(paper)
		require.NoError(t, err)
		for _, found := range link.FindAllStringSubmatch(string(content), -1) {
			_, err := os.Stat(filepath.Join(filepath.Dir(paper), found[1]))
			require.NoError(t, err, "%s links to it", paper)
		}
		for _, found := range target.FindAllStringSubmatch(string(content), -1) {
			require.Regexp(t, "(?m)^"+found[1]+":", string(makefile), "%s names make %s", paper, found[1])
		}
		if filepath.Base(paper) != "README.md" {
			continue
		}
		for _, found := range command.FindAllStringSubmatch(string(content), -1) {
			field := strings.ReplaceAll(found[1], "-", "")
			require.Regexp(t, "(?i)\\s"+field+`\s+\w+\.?\w*Cmd|Completion`, string(grammar), "the README names claimprover %s", found[1])
		}
	}
}
