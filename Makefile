# DataKnobs KV. `make run` needs rustup, Node and make; `make test` installs what the tests need.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

WASM := target/wasm32-unknown-unknown/release/dataknobs_kv_js.wasm
PACKAGE := target/npm/package
TARBALL := target/npm/dataknobs-kv-0.1.0.tgz
CORE := Cargo.toml Cargo.lock $(shell find src -name '*.rs')

FILE ?= pkg-js/package-lock.json

.PHONY: help run pack test check clean

help:
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

# The pinned toolchain and its targets, from rust-toolchain.toml.
target/.toolchain: rust-toolchain.toml
	@mkdir -p target
	rustup toolchain install
	@touch $@

pkg-js/node_modules/.installed: pkg-js/package.json pkg-js/package-lock.json
	cd pkg-js && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

$(WASM): target/.toolchain $(CORE) pkg-js/Cargo.toml $(wildcard pkg-js/src/*.rs)
	cargo build --locked --release --target wasm32-unknown-unknown -p dataknobs-kv-js
	@touch $@

$(PACKAGE)/.built: $(WASM) pkg-js/node_modules/.installed pkg-js/tsconfig.json pkg-js/build.mjs $(wildcard pkg-js/ts/*.ts) $(wildcard xtask/src/*.rs) README.md CHANGELOG.md LICENSE
	cargo run --locked -q -p xtask -- bindgen $(WASM) target/npm/bindgen
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
	@echo "== $(FILE)"
	@node examples/node/document.mjs $(FILE)
