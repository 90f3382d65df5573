// Command example is the back end of the example dApp: it serves the dApp's page and mints browser tokens for it, so that
// the API key stays in this process. Everything else the page does with the service itself.
//
// It keeps nothing; its handlers may be called from many goroutines. It knows of the service what any client knows.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

func main() {
	log.SetFlags(0)
	service := strings.TrimSuffix(os.Getenv("CLAIMPROVER_URL"), "/") // as browsers reach it
	key := os.Getenv("CLAIMPROVER_API_KEY")
	if u, err := url.Parse(service); err != nil || u.Host == "" || key == "" {
		log.Fatal("CLAIMPROVER_URL must be the service's address and CLAIMPROVER_API_KEY a key of it. make example sets both.")
	}
	at, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("EXAMPLE_PORT"))
	if err != nil {
		log.Fatalf("%v\nEXAMPLE_PORT chooses another port; 0 takes any free one.", err)
	}
	fmt.Printf("The example dApp is at http://%s\n", at.Addr())
	server := &http.Server{Handler: example(service, key), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second}
	log.Fatal(server.Serve(at))
}

// example is the page and what it asks of its own back end. No other site's page may ask.
func example(service, key string) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", page(service))
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) { mint(w, r, service, key) })
	return http.NewCrossOriginProtection().Handler(mux)
}

// mint is POST /token: a token for a quarter of an hour and one account. Here a real dApp would first look who is asking.
func mint(w http.ResponseWriter, r *http.Request, service, key string) {
	var asked struct {
		Account string `json:"ss58Address"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<10)).Decode(&asked); err != nil {
		refuse(w, http.StatusBadRequest, "invalid_input", "The body must be a JSON object with ss58Address.")
		return
	}
	grant, _ := json.Marshal(map[string]any{"ttlSeconds": 900, "scope": []string{"submit", "read"}, "ss58Address": asked.Account})
	ask, err := http.NewRequestWithContext(r.Context(), http.MethodPost, service+"/v1/tokens", bytes.NewReader(grant))
	if err != nil {
		refuse(w, http.StatusInternalServerError, "internal_error", "CLAIMPROVER_URL is no URL.")
		return
	}
	ask.Header.Set("Authorization", "Bearer "+key)
	ask.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(ask)
	if err != nil {
		refuse(w, http.StatusBadGateway, "unavailable", "The service cannot be reached. Try again in a moment.") // err names hosts
		return
	}
	defer answer.Body.Close()
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(answer.StatusCode) // a refusal is as good for the page as for us: it has a code and a message
	_, _ = io.Copy(w, io.LimitReader(answer.Body, 64<<10))
}

// refuse answers in the shape of the service's own refusals.
func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"code": code, "message": message, "retryable": status >= 500})
}
