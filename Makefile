# DataKnobs KV. `make run` needs rustup, Node and make; `make test` installs what the tests need.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# The npm package's modules and their features: four of browsers, of which each has what the one before has, and
# that of Node, Deno and Bun.
MODULES := dataknobs_kv: dataknobs_kv_indexeddb:kept dataknobs_kv_file:file dataknobs_kv_whole:file,later dataknobs_kv_node:disk
BUILT := target/wasm32-unknown-unknown/npm/dataknobs_kv_js.wasm
PACKAGE := target/npm/package
TARBALL := target/npm/dataknobs-kv-0.1.0.tgz
CORE := Cargo.toml Cargo.lock $(shell find src -name '*.rs')

COMPONENT := target/wasm32-wasip2/release/dataknobs_kv_component.wasm
VENV := .tools/venv/bin
# No path of the machine that built it is in the module (panic messages name source files).
REMAP = CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS="--remap-path-prefix=$${CARGO_HOME:-$$HOME/.cargo}=cargo --remap-path-prefix=$$(rustc --print sysroot)=rust"
FILE ?= pkg-js/package-lock.json
# Whatever its name holds, one word of the shell.
QUOTED = '$(subst ','\'',$(value FILE))'

.PHONY: help run pack test servers lint bench soak bench-host component test-crate test-gateway test-component test-npm test-readme

help:
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

# The pinned toolchain and its targets, from rust-toolchain.toml.
target/.toolchain: rust-toolchain.toml
	@mkdir -p target
	rustup toolchain install
	@touch $@

pkg-js/node_modules/.installed: pkg-js/package.json pkg-js/package-lock.json
	cd pkg-js && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

target/npm/.wasm: target/.toolchain $(CORE) pkg-js/Cargo.toml $(wildcard pkg-js/src/*.rs)
	@mkdir -p target/npm
	for module in $(MODULES); do \
	  $(REMAP) cargo build --profile npm --target wasm32-unknown-unknown -p dataknobs-kv-js --features "$${module#*:}"; \
	  cp $(BUILT) target/npm/$${module%:*}.wasm; \
	done
	@touch $@

$(PACKAGE)/.built: target/npm/.wasm pkg-js/node_modules/.installed pkg-js/tsconfig.json pkg-js/build.mjs $(shell find pkg-js/ts -name '*.ts' -not -path '*/wasm/*') pkg-js/package.json $(wildcard xtask/src/*.rs) README.md CHANGELOG.md LICENSE
	for module in $(MODULES); do cargo run -q -p xtask -- bindgen target/npm/$${module%:*}.wasm target/npm/bindgen; done
	node pkg-js/build.mjs
	@touch $@

$(TARBALL): $(PACKAGE)/.built
	cd target/npm && npm pack --silent --ignore-scripts ./package > /dev/null
	@touch $@

pack: $(TARBALL) ## the npm tarball, in target/npm/

examples/node/node_modules/.installed: examples/node/package.json $(PACKAGE)/.built
	cd examples/node && npm install --no-package-lock --no-audit --no-fund --loglevel=error
	@touch $@

run: examples/node/node_modules/.installed ## the quick start, then patterns over a JSON document (FILE=…)
	@echo "== quick start"
	@node examples/node/quickstart.mjs
	@printf '== %s\n' $(QUOTED)
	@node examples/node/document.mjs $(QUOTED)

# --- tests

target/.setup: tools/setup.sh tests/requirements.txt
	@mkdir -p target
	tools/setup.sh
	@touch $@

pkg-js/test/node_modules/.installed: pkg-js/test/package.json pkg-js/test/package-lock.json
	cd pkg-js/test && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

examples/wasmtime/node_modules/.installed: examples/wasmtime/package.json examples/wasmtime/package-lock.json
	cd examples/wasmtime && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

$(COMPONENT): target/.toolchain $(CORE) $(wildcard wit/*.wit) $(shell find wit/component -name '*.rs' -o -name Cargo.toml)
	cargo build --release --target wasm32-wasip2 -p dataknobs-kv-component
	@touch $@

component: $(COMPONENT) ## the WebAssembly component

lint: target/.toolchain pkg-js/node_modules/.installed
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --all-features --exclude dataknobs-kv-js --exclude dataknobs-kv-component -- -D warnings
	cargo clippy --no-default-features -- -D warnings
	for module in $(MODULES); do cargo clippy --target wasm32-unknown-unknown -p dataknobs-kv-js --features "$${module#*:}" -- -D warnings; done
	cargo clippy --target wasm32-wasip2 -p dataknobs-kv-component -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc -q --locked --no-deps --all-features
	cargo run -q -p xtask -- dependencies
	cd pkg-js && npx --no-install biome ci --colors=off --max-diagnostics=20 .

gateway/node_modules/.installed: gateway/package.json gateway/package-lock.json
	cd gateway && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

servers: target/.setup gateway/node_modules/.installed ## the servers that the tests talk to, until Ctrl-C
	node tools/servers.mjs

test-crate: target/.toolchain target/.setup gateway/node_modules/.installed
	node tools/servers.mjs -- cargo test --all-features

test-gateway: target/.setup gateway/node_modules/.installed
	node tools/servers.mjs -- node --test gateway/test/

test-component: $(COMPONENT) target/.setup examples/wasmtime/node_modules/.installed
	$(VENV)/wasm-tools component wit wit > /dev/null
	$(VENV)/wasm-tools validate $(COMPONENT)
	! $(VENV)/wasm-tools component wit $(COMPONENT) | grep wasi:http
	$(VENV)/python tests/component/run.py $(COMPONENT)
	$(VENV)/python tests/component/examples.py $(COMPONENT)

test-npm: $(TARBALL) target/.setup pkg-js/test/node_modules/.installed
	node pkg-js/test/size.mjs
	node pkg-js/test/run.mjs

test-readme: examples/node/node_modules/.installed $(COMPONENT) target/.setup
	$(VENV)/python tests/readme.py $(COMPONENT)

test: lint test-crate test-gateway test-component test-npm test-readme ## everything, in the real runtimes

bench: $(PACKAGE)/.built target/.setup pkg-js/test/node_modules/.installed ## against the peers: benches/RESULTS.md, BROWSER.md
	cd benches && npm ci --no-audit --no-fund --loglevel=error
	node benches/run.mjs
	node benches/browser/run.mjs

# By hand only: it is the kills of `make test`, ten times as many.
soak: $(TARBALL) pkg-js/test/node_modules/.installed ## native processes, Node and Chromium killed in the middle of writes, KILLS=… times (200)
	KILLS=$${KILLS:-200} cargo test --all-features --test file_processes -- --nocapture kill
	KILLS=$${KILLS:-200} node pkg-js/test/run.mjs node-kills chromium-kills

# By hand only: wasmtime costs 14 CPU minutes.
HOST := --locked --release --manifest-path benches/wasmtime-host/Cargo.toml --target-dir target/wasmtime-host
bench-host: $(COMPONENT) ## a call from a Rust host against wasmtime's own store: benches/WASMTIME-HOST.md
	cargo build $(HOST) --target wasm32-wasip2 -p wasmtime-host-guest
	cargo run $(HOST) -- $(COMPONENT) target/wasmtime-host/wasm32-wasip2/release/wasmtime_host_guest.wasm | tee target/wasmtime-host/figures.md
	cp target/wasmtime-host/figures.md benches/WASMTIME-HOST.md
