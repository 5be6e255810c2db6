# DataKnobs KV. `make run` needs rustup, Node and make; `make test` installs what the tests need.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

WASM := target/wasm32-unknown-unknown/release/dataknobs_kv_js.wasm
PACKAGE := target/npm/package
CORE := Cargo.toml Cargo.lock $(shell find src -name '*.rs')

.PHONY: help run pack toolchain

help:
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

# The pinned toolchain and its targets, from rust-toolchain.toml.
toolchain:
	@rustup toolchain install > target/toolchain.log 2>&1 || { cat target/toolchain.log; exit 1; }

target/.toolchain: rust-toolchain.toml
	mkdir -p target
	rustup toolchain install
	touch $@

pkg-js/node_modules/.installed: pkg-js/package.json pkg-js/package-lock.json
	cd pkg-js && npm ci --no-audit --no-fund
	touch $@

$(WASM): target/.toolchain $(CORE) pkg-js/Cargo.toml $(wildcard pkg-js/src/*.rs)
	cargo build --locked --release --target wasm32-unknown-unknown -p dataknobs-kv-js
	touch $@

$(PACKAGE)/.built: $(WASM) pkg-js/node_modules/.installed pkg-js/tsconfig.json pkg-js/build.mjs $(wildcard pkg-js/ts/*.ts) $(wildcard xtask/src/*.rs) README.md CHANGELOG.md LICENSE
	cargo run --locked -q -p xtask -- bindgen $(WASM) target/npm/bindgen
	node pkg-js/build.mjs
	touch $@

pack: $(PACKAGE)/.built ## the npm tarball, in target/npm/
	cd target/npm && npm pack --silent ./package
