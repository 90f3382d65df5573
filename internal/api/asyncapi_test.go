package api_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"claimprover/internal/api"
	"claimprover/internal/api/apitest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func decode(t *testing.T, source []byte) (doc any) {
	require.NoError(t, json.Unmarshal(source, &doc))
	return doc
}

// each calls visit for every object of a document.
func each(node any, visit func(map[string]any)) {
	switch node := node.(type) {
	case map[string]any:
		visit(node)
		for _, child := range node {
			each(child, visit)
		}
	case []any:
		for _, child := range node {
			each(child, visit)
		}
	}
}

// resolve follows a JSON pointer without escapes; nil: it leads nowhere.
func resolve(doc any, pointer string) any {
	for part := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		object, _ := doc.(map[string]any)
		doc = object[part]
	}
	return doc
}

func TestEveryReferenceOfTheDocumentsLeadsSomewhere(t *testing.T) {
	t.Parallel()
	documents := map[string]any{"openapi.json": decode(t, api.OpenAPI), "asyncapi.json": decode(t, api.AsyncAPI)}
	for name, doc := range documents {
		each(doc, func(node map[string]any) {
			ref, is := node["$ref"].(string)
			if !is {
				return
			}
			file, pointer, _ := strings.Cut(ref, "#")
			if file == "" {
				file = name
			}
			require.NotNil(t, resolve(documents[file], pointer), "%s refers to %s", name, ref)
		})
	}
}

func TestMessagesOfTheStreamsAreThoseOfOpenAPI(t *testing.T) {
	t.Parallel()
	c := apitest.New(t)
	messages := resolve(decode(t, api.AsyncAPI), "/components/messages").(map[string]any)
	for _, name := range []string{"position", "running", "verified", "completed", "failed", "service", "pong", "error"} {
		require.Contains(t, messages, name)
	}
	for name, node := range messages {
		message := node.(map[string]any)
		ref := resolve(message, "/payload/schema/$ref").(string)
		schema, is := strings.CutPrefix(ref, "openapi.json#/components/schemas/")
		require.True(t, is, name)
		examples, _ := message["examples"].([]any)
		for _, example := range examples {
			require.NoError(t, c.Message(schema, api.Encode(resolve(example, "/payload"))), name)
		}
	}
}
