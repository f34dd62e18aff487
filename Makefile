# fbgate: only Go and make are needed, except where a target says otherwise.

GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
# Where the package goes.
DIST    ?= dist
# TESTFLAGS=-race make test: with the race detector, which needs a C compiler.
TESTFLAGS ?=
# How long each fuzz target runs. As a count of inputs (20000x) the run cannot end in
# the middle of one, which go test reports as a failure.
FUZZTIME  ?= 100000x
# How long the load of make soak goes on.
SOAK      ?= 10m
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: help build deb demo test race lint fuzz soak bench cover clean

help: ## show this help
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

build: ## build bin/fbgate
	$(GO) build -trimpath -ldflags '-s -w -X main.release=$(VERSION)' -o bin/fbgate ./cmd/fbgate

deb: ## build the Debian package in dist/; ARCH=arm64 for another kind of machine
	@GO='$(GO)' ARCH='$(ARCH)' RELEASE='$(VERSION)' cmd/fbgate/deb/build '$(DIST)'

demo: ## start three pretend organizations and the gateway; DEMO='--listen 127.0.0.1:9080' chooses ports
	@$(GO) run ./cmd/fbgate demo $(DEMO)

test: ## run every test
	$(GO) test $(TESTFLAGS) ./...

race: ## run every test with the race detector (needs a C compiler)
	$(MAKE) test TESTFLAGS=-race

lint: ## check format, go vet, staticcheck, go.mod
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo 'these files need gofmt'; exit 1; }
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...
	$(GO) mod tidy -diff

fuzz: ## run every fuzz target with FUZZTIME inputs each
	@for package in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz'); do \
			echo "$$package $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x $$package || exit 1; \
		done; \
	done

soak: ## put the whole gateway under load, before partners that fail, for SOAK (10m)
	SOAK=$(SOAK) $(GO) test $(TESTFLAGS) -run '^TestSoak$$' -count 1 -v -timeout 0 ./cmd/fbgate

bench: ## benchmark the inner loops and the whole server
	$(GO) test -run '^$$' -bench . -benchmem ./...

cover: ## show test coverage by package
	$(GO) test -cover ./...

clean: ## remove what was built
	rm -rf bin '$(DIST)'
