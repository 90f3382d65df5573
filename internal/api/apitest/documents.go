package apitest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"claimprover/internal/api"
)

// Statuses gives the HTTP status with which openapi.json answers each code. Codes that only end jobs are not in it.
func Statuses() (map[string]int, error) {
	var doc struct {
		Paths      map[string]map[string]json.RawMessage
		Components struct{ Responses map[string]response }
	}
	if err := json.Unmarshal(api.OpenAPI, &doc); err != nil {
		return nil, err
	}
	of := map[string]int{}
	note := func(status int, r response) error {
		if name, is := strings.CutPrefix(r.Ref, "#/components/responses/"); is {
			r = doc.Components.Responses[name]
		}
		for _, code := range r.codes() {
			if before, known := of[code]; known && before != status {
				return fmt.Errorf("%s is answered with %d and with %d", code, before, status)
			}
			of[code] = status
		}
		return nil
	}
	// No operation has this one: it answers the methods that are none.
	if err := note(http.StatusMethodNotAllowed, doc.Components.Responses["MethodNotAllowed"]); err != nil {
		return nil, err
	}
	for _, methods := range doc.Paths {
		for method, source := range methods {
			if method == "parameters" {
				continue
			}
			var operation struct{ Responses map[string]response }
			if err := json.Unmarshal(source, &operation); err != nil {
				return nil, err
			}
			for status, r := range operation.Responses {
				n, err := strconv.Atoi(status)
				if err != nil {
					return nil, err
				}
				if err := note(n, r); err != nil {
					return nil, err
				}
			}
		}
	}
	return of, nil
}

// response is what of a response object names the codes it may carry.
type response struct {
	Ref     string `json:"$ref"`
	Content map[string]struct {
		Schema struct {
			Properties struct {
				Code struct {
					Enum  []string
					Const string
				}
			}
		}
	}
}

func (r response) codes() (codes []string) {
	for _, media := range r.Content {
		code := media.Schema.Properties.Code
		codes = append(codes, code.Enum...)
		if code.Const != "" {
			codes = append(codes, code.Const)
		}
	}
	return codes
}
