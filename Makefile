# One set of build flags for the program (none) and one for the tests (-race): each other set is one more cold build.
.DEFAULT_GOAL := help
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
REVISION := $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
LDFLAGS := -X claimprover/internal/cli.version=$(VERSION) -X claimprover/internal/cli.revision=$(REVISION)
FUZZTIME ?= 30s

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

.PHONY: build
build: ## build bin/claimprover
	go build -ldflags '$(LDFLAGS)' -o bin/claimprover .

.PHONY: demo
demo: build ## submit a signed claim to a mock service and watch its proof being made (DEMO_KEEP=1: leave it running)
	@bin/claimprover demo

.PHONY: example
example: build ## run the example dApp on a mock service of its own until Ctrl-C
	@go build -o bin/example ./web/example
	@scripts/example.sh

.PHONY: setup
setup: ## install what the tests need: Chromium, nginx, Caddy, npm packages, geth (quick when they are there)
	@scripts/setup.sh

.PHONY: test
test: setup ## run everything, with the race detector
	@$(MAKE) --no-print-directory -j2 --output-sync=line go-test web-test

.PHONY: go-test web-test
go-test:
	go test -race ./...
web-test:
	scripts/web-test.sh

.PHONY: lint
lint: setup ## check formatting, vet, staticcheck, and the browser client's types
	scripts/lint.sh

.PHONY: bench
bench: ## run the benchmarks that BENCHMARKS.md was made with
	go test -run '^$$' -bench . -benchmem ./hub ./internal/admission ./internal/chain ./internal/claim ./internal/eligibility ./internal/jobs/memstore ./internal/rate ./internal/verify ./prover/network ./server/stream

.PHONY: load
load: build ## measure submissions of each kind, and events to a thousand followers
	go run ./internal/load load

.PHONY: fanout
fanout: build ## measure one topic with up to 9,000 followers, beside hand-written servers (half an hour)
	go run ./internal/load fanout

.PHONY: overload
overload: build ## send ten times the claims that can be proved, for a minute
	go run ./internal/load overload

.PHONY: siege
siege: build ## lay siege to the built program: thousands of hostile connections, races, a clock that jumps (some minutes)
	@scripts/siege.sh

.PHONY: audit
audit: ## hold modules, tools, npm packages and vendored scripts against their sums and versions
	@scripts/audit.sh

.PHONY: fuzz
fuzz: ## fuzz every target for FUZZTIME (30s) each
	scripts/fuzz.sh $(FUZZTIME)

.PHONY: flips
flips: ## flip every byte of every recorded proof, its public values and its key (some minutes)
	FLIPS=all go test -race -count=1 -v -timeout=60m -run TestEveryFlippedByteIsRefused ./internal/verify

.PHONY: seeds
seeds: ## buy proofs over 10,000 lives on a network where everything goes wrong (ten minutes)
	NETWORK_SEEDS=10000 go test -count=1 -v -timeout=60m -run TestSeededFaults ./prover/network

.PHONY: screenshots
screenshots: setup build ## take pictures of the page in its states, into tmp/screenshots
	node scripts/screenshots.mjs

.PHONY: figures
figures: setup build ## take the page's figures on a slow processor through the DevTools protocol
	CLAIMPROVER=bin/claimprover node scripts/page-figures.mjs

.PHONY: image
image: ## build the container image
	docker build --build-arg VERSION=$(VERSION) --build-arg REVISION=$(REVISION) -t claimprover:$(VERSION) .
