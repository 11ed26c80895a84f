# Sidecar Inspector. `make demo` and `make test` install what is missing and do the rest.
# Arguments for the demo: make demo ARGS='--port 8080'

TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))
BINARY := $(TARGET)/debug/sidecar-inspector
CARGO := cargo
# First on the path, or the compiler that Debian packages for wasm would take over the native build.
export PATH := $(or $(CARGO_HOME),$(HOME)/.cargo)/bin:$(PATH)

# Cargo unites the features of all packages it builds at once. The page's packages, and the tests of the
# verdict, are therefore never built together with the server's: they would have lance compiled a second time.
SERVER := --package restore-backend --package e2e
WARNINGS := -D warnings

.PHONY: demo build test test-long bench engine-check test-tools lint
.NOTPARALLEL:

demo: build
	@exec $(BINARY) demo $(ARGS)

# The page first: the program takes it in.
build:
	@./bootstrap.sh
	$(CARGO) run --locked --package web -- build
	$(CARGO) build --locked --package restore-backend

test: export E2E_BINARY := $(BINARY)
test: test-tools build
	$(CARGO) test --locked --package sidecar -- --show-output
	$(CARGO) test --locked $(SERVER)
	@cat $(TARGET)/tmp/sweep.txt
	$(CARGO) test --locked --package web
	$(CARGO) test --locked --package inspector-wasm
	CHROMIUM="$$(tests/browser/find-chromium.sh)" "$$(tests/browser/oldest-node.sh)" --test tests/browser/*.test.mjs
	@$(MAKE) --no-print-directory lint

# What needs more time than it may take every day: all of the crash sweep, of the power losses and of the random histories.
test-long: export SIDECAR_LONG := 1
test-long: test-tools
	$(CARGO) test --locked --package sidecar --test model --test fuzz -- --nocapture
	$(CARGO) test --locked --package e2e --test e2e -- --nocapture

# How long recoveries take. BENCH=--release to have it all compiled for speed first, which takes long.
bench:
	$(CARGO) run --locked $(BENCH) --package e2e --bin e2e-bench

# Every graph that the released engine left, recovered by the program just built and handed back to that engine. It brings
# a Lance of its own, which takes as long to compile as ours. ARGS='--only NAME' for one of them.
ENGINE_CHECK := CARGO_TARGET_DIR=$(TARGET)/engine-check $(CARGO) run --locked --manifest-path tests/engine-check/Cargo.toml
engine-check: build
	$(ENGINE_CHECK) -- check --binary $(BINARY) --fixtures tests/fixtures/omnigraph-0.7.0 $(ARGS)

test-tools:
	@./bootstrap.sh test

lint: export RUSTDOCFLAGS := $(WARNINGS)
lint:
	$(CARGO) fmt --all --check
	$(CARGO) fmt --manifest-path tests/engine-check/Cargo.toml --check
	$(CARGO) clippy --locked --package sidecar --all-targets -- $(WARNINGS)
	$(CARGO) clippy --locked $(SERVER) --all-targets -- $(WARNINGS)
	$(CARGO) clippy --locked --package web --all-targets -- $(WARNINGS)
	$(CARGO) clippy --locked --package inspector-wasm --all-targets -- $(WARNINGS)
	$(CARGO) doc --locked --package sidecar --no-deps
	$(CARGO) doc --locked $(SERVER) --no-deps
	$(CARGO) doc --locked --package web --no-deps
	$(CARGO) doc --locked --package inspector-wasm --no-deps
