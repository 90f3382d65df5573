package api

import (
	"bytes"
	_ "embed"
	"encoding/json"
)

var (
	//go:embed openapi.json
	openAPISource []byte
	//go:embed asyncapi.json
	asyncAPISource []byte
)

// The documents of the wire contract, compact like every other answer. OpenAPI describes requests and answers; AsyncAPI
// what streams and sockets carry, by the schemas of OpenAPI, to which it refers as to its neighbour openapi.json.
var (
	OpenAPI  = compact(openAPISource)
	AsyncAPI = compact(asyncAPISource)
)

func compact(source []byte) []byte {
	var b bytes.Buffer
	if err := json.Compact(&b, source); err != nil {
		panic("api: an embedded document is no JSON: " + err.Error())
	}
	return b.Bytes()
}
