package cli

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What the image promises to whoever runs it, read from the Dockerfile.
func TestTheImageIsSmallAndUnprivileged(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../Dockerfile")
	require.NoError(t, err)
	lines := strings.Split(strings.ReplaceAll(string(text), "\\\n", ""), "\n")
	stages := regexp.MustCompile(`(?m)^FROM `).Split(strings.Join(lines, "\n"), -1)
	build, final := stages[len(stages)-2], stages[len(stages)-1]

	require.Regexp(t, `^golang:\d+\.\d+\.\d+-\w+(@sha256:[0-9a-f]{64})? AS build\n`, build, "the builder is one version, not a moving tag")
	require.Contains(t, build, "go mod verify")
	require.Regexp(t, `CGO_ENABLED=0 go build .*-trimpath`, build, "static, and without paths of the builder")
	require.Contains(t, build, "-X claimprover/internal/cli.version=${VERSION}")

	require.Regexp(t, `^scratch\n`, final, "nothing in it but the program: no shell")
	require.NotRegexp(t, `(?m)^(RUN|VOLUME|ADD) `, final)
	require.Regexp(t, `(?m)^USER 65532(:65532)?$`, final, "by number: an empty image has no names")
	require.Regexp(t, `(?m)^COPY --from=build \S+ca-certificates\.crt `, final, "RPC and JWKS are asked over TLS")
	require.Equal(t, []string{"EXPOSE 8080"}, regexp.MustCompile(`(?m)^EXPOSE .*$`).FindAllString(final, -1))
	require.Regexp(t, `(?m)^HEALTHCHECK .*CMD \["/claimprover", "healthcheck"\]$`, final)
	require.Regexp(t, `(?m)^ENTRYPOINT \["/claimprover"\]$`, final, "no shell, so signals arrive")
	for _, label := range []string{"title", "description", "version", "revision", "licenses"} {
		require.Contains(t, final, "org.opencontainers.image."+label+"=")
	}
	require.NotRegexp(t, `(?i)(key|secret|password|token)=`, string(text), "no secret is built in")

	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	require.Contains(t, string(readme), "docker run --read-only --cap-drop ALL --security-opt no-new-privileges", "it needs nothing of that")
	ignored, err := os.ReadFile("../../.dockerignore")
	require.NoError(t, err)
	require.Contains(t, strings.Fields(string(ignored)), ".git")
}
