# Sidecar Inspector. `make` lists the targets. Those that build, test or lint install what is missing first.

TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))
BINARY := $(TARGET)/debug/sidecar-inspector
CARGO := cargo
# The programs that bootstrap.sh installs for `make lint` come first, since their versions are fixed. Cargo comes before the rest,
# or the compiler that Debian packages for wasm would take over the native build.
export PATH := $(TARGET)/tools/bin:$(or $(CARGO_HOME),$(HOME)/.cargo)/bin:$(PATH)

# Cargo unites the features of all packages it builds at once. So the page's packages and the tests of the rules
# are never built together with the server's: they would have Lance compiled a second time.
SERVER := --package root-objects --package fenced-lance --package two-phase-writer --package restore-backend \
	--package crashed-roots --package e2e
WARNINGS := -D warnings
# The oldest Rust that compiles this.
MSRV := $(shell sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)

.DEFAULT_GOAL := help
.PHONY: help demo build check test test-shared test-objects test-lance test-writer test-backend test-e2e test-web test-page test-browser \
	test-planted test-long \
	engine-check bench lint advisories msrv build-tools check-tools test-tools lint-tools
.NOTPARALLEL:

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z][a-z0-9-]*:.*## / { printf "make %-14s %s\n", $$1, $$2 }' Makefile
	@echo "ARGS goes to the program or the tests: make test-e2e ARGS=races::"

demo: build ## Make crashed sample stores, serve them on loopback, and print the address to open
	@exec $(BINARY) demo $(ARGS)

# The page first: the program takes it in.
build: build-tools ## Build the page into web/dist, and the program
	$(CARGO) run --locked --package web -- build
	$(CARGO) build --locked --package restore-backend

define fmt-and-clippy
	$(CARGO) fmt --all --check
	$(CARGO) fmt --manifest-path tests/engine-check/Cargo.toml --check
	$(CARGO) clippy --locked --package sidecar --all-targets -- $(WARNINGS)
	$(CARGO) clippy --locked --package web --all-targets -- $(WARNINGS)
	$(CARGO) clippy --locked --package inspector-wasm --all-targets -- $(WARNINGS)
	$(CARGO) clippy --locked $(SERVER) --all-targets -- $(WARNINGS)
endef

check: check-tools ## The quick loop: format, clippy, and the tests of the rules but for their model
	$(fmt-and-clippy)
	$(CARGO) test --locked --package sidecar --lib --test rooms --test purity --test circles --test fuzz -- $(ARGS)

test: test-tools build test-shared test-objects test-lance test-writer test-backend test-e2e test-web test-page test-browser lint ## Run every test and lint

test-shared: build-tools ## Test the rules: verdict, plans and journal; their model; hostile bytes; circles of imports
	$(CARGO) test --locked --package sidecar -- --show-output $(ARGS)

test-objects: build-tools ## Test sidecars, journals and stores, without Lance
	$(CARGO) test --locked --package root-objects -- $(ARGS)

test-lance: build-tools ## Test what is read of Lance tables, and that commits are fenced
	$(CARGO) test --locked $(SERVER) --test lance -- $(ARGS)

test-writer: build-tools ## Test the two-phase writer, and that the example in its documentation compiles
	$(CARGO) test --locked $(SERVER) --test two_phase_writer -- $(ARGS)
	$(CARGO) test --locked $(SERVER) --doc -- $(ARGS)

test-backend: build-tools ## Test the server and the command line, and the small parts of the packages beneath
	$(CARGO) test --locked $(SERVER) --lib --test backend -- $(ARGS)

test-e2e: build-tools ## Test journeys over real data: sweep, races, power failures, random histories
	$(CARGO) test --locked $(SERVER) --test e2e -- $(ARGS)
	$(if $(ARGS),,@cat $(TARGET)/tmp/sweep.txt)

test-web: build-tools ## Test the program that builds the page
	$(CARGO) test --locked --package web -- $(ARGS)

test-page: build-tools ## Test the page's code outside a browser
	$(CARGO) test --locked --package inspector-wasm -- $(ARGS)

test-browser: export E2E_BINARY := $(BINARY)
test-browser: test-tools build ## Test the page in a real browser; ARGS='--test-name-pattern NAME' for some of it
	$(CARGO) build --locked $(SERVER) --bins
	CHROMIUM="$$(tests/browser/find-chromium.sh)" "$$(tests/browser/oldest-node.sh)" --test $(ARGS) tests/browser/*.test.mjs

test-long: export SIDECAR_LONG := 1
test-long: test-tools ## Run what takes too long for every day: the whole sweep, power failures, histories, model, planted defects
	$(CARGO) test --locked --package sidecar --test model --test fuzz -- --nocapture
	$(CARGO) test --locked $(SERVER) --test e2e -- --nocapture
	$(MAKE) test-planted

# Each defect is compiled by itself.
test-planted: test-tools ## Plant known defects one after the other, each of which a test has to notice; ARGS=22 for those of one item
	node tests/planted/run.mjs $(ARGS)

# It brings a Lance of its own, which takes as long to compile as ours. Clippy looks at two of the three manifests: the feature
# `history-in-catalog` of 0.8.0 compiles other lines than the engines before.
ENGINE_CARGO := CARGO_TARGET_DIR=$(TARGET)/engine-check $(CARGO)
ENGINE_CHECK := $(ENGINE_CARGO) run --locked --manifest-path tests/engine-check
ENGINE_CLIPPY := $(ENGINE_CARGO) clippy --locked --manifest-path tests/engine-check
engine-check: check-tools build ## Hand recovered graphs back to the released engines; ARGS='--only NAME' for one of them
	$(ENGINE_CLIPPY)/Cargo.toml --all-targets -- $(WARNINGS)
	$(ENGINE_CLIPPY)/0.8.0/Cargo.toml --all-targets -- $(WARNINGS)
	$(ENGINE_CHECK)/Cargo.toml -- check --binary $(BINARY) --fixtures tests/fixtures/omnigraph-0.7.0 $(ARGS)
	$(ENGINE_CHECK)/0.7.2/Cargo.toml -- check --binary $(BINARY) --fixtures tests/fixtures/omnigraph-0.7.2 $(ARGS)
	$(ENGINE_CHECK)/0.8.0/Cargo.toml -- check --binary $(BINARY) --fixtures tests/fixtures/omnigraph-0.8.0 $(ARGS)

bench: ## Time recoveries against Lance's bare calls; BENCH=--release to compile for speed first, which takes long
	$(CARGO) run --locked $(BENCH) --package e2e --bin e2e-bench

SHELL_FILES := .ci/run bootstrap.sh $(wildcard tests/*/*.sh)

lint: export RUSTDOCFLAGS := $(WARNINGS)
lint: lint-tools ## Check format, code, documentation, spelling, shell files and dependencies
	typos
	shellcheck $(SHELL_FILES)
	cargo-machete
	cargo-deny --locked check bans licenses sources
	$(fmt-and-clippy)
	$(CARGO) doc --locked --package sidecar --no-deps
	$(CARGO) doc --locked $(SERVER) --no-deps
	$(CARGO) doc --locked --package web --no-deps
	$(CARGO) doc --locked --package inspector-wasm --no-deps
	@tests/lint/advisories.sh

advisories: lint-tools ## Refuse crates that are known to be vulnerable, where the list of them can be fetched
	@tests/lint/advisories.sh

# Every day, clippy refuses what the standard library did not have in that version (clippy.toml), and tests/e2e/tidy.rs refuses
# dependencies that ask for a newer one. Neither sees syntax that is newer; this does, and has Lance compiled for it.
msrv: build-tools ## Compile everything with the oldest Rust that Cargo.toml names
	@rustup run $(MSRV) cargo --version || { echo 'install it with: rustup toolchain install $(MSRV)'; exit 1; }
	rustup run $(MSRV) cargo check --locked --package sidecar --all-targets
	rustup run $(MSRV) cargo check --locked --package web --all-targets
	rustup run $(MSRV) cargo check --locked --package inspector-wasm --all-targets
	rustup run $(MSRV) cargo check --locked $(SERVER) --all-targets

build-tools: ## Install what is missing to build
	@./bootstrap.sh

check-tools: ## Install what is missing to check format and code
	@./bootstrap.sh check

test-tools: ## Install what is missing to test
	@./bootstrap.sh test

lint-tools: ## Install what is missing to lint
	@./bootstrap.sh lint
