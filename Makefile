# The front door. Everything real is in meson.build and tools/; see "make help".
BUILD    ?= build
PREFIX   ?= /usr/local
SECONDS  ?= 60
ROUNDS   ?= 20
N        ?= 1000
SEED     ?=
T        ?=
BUDGET   ?=
BENCH    ?=
# What a user runs; tests and peers need more than that.
PROGRAMS  = app/whtnxt app/whtnxtd app/whtnxt-node

.DEFAULT_GOAL := all
.NOTPARALLEL:
.PHONY: all run check asan ubsan clang sim fuzz cov interop flights bench e2e kill net order format install clean help

all: ## build the programs and libraries into build/
	@tools/need-packages run
	@tools/build $(BUILD)

run: ## build, start WhatNext and show the link (YES=1: install missing packages without asking)
	@tools/need-packages run
	@TARGETS="$(PROGRAMS)" tools/build $(BUILD)
	@tools/run

check: ## every check and test: gcc, clang, ASan + UBSan; build/results/check.json
	@tools/need-packages run check
	@tools/check check gcc clang asan

clang: ## unit, corpus and sim tests built by clang
	@tools/need-packages run check
	@tools/check clang clang

asan: ## the same under AddressSanitizer and UBSan
	@tools/need-packages run check
	@tools/check asan asan

ubsan: ## the same under UBSan alone
	@tools/need-packages run check
	@tools/check ubsan ubsan

sim: ## whole hosts in simulated networks
	@tools/need-packages run check
	@tools/check sim gcc --suite sim

fuzz: ## fuzz target T (default: all) for SECONDS each, or all in BUDGET seconds
	@tools/need-packages run check
	@tools/fuzz $(if $(BUDGET),--budget $(BUDGET),--seconds $(SECONDS)) $(T)

cov: ## test coverage by gcov; build/results/cov.json
	@tools/need-packages run check cov
	@tools/cov

interop: ## against go-libp2p, rust-libp2p and js-libp2p; build/results/interop.json
	@tools/need-packages run interop
	@RECONFIGURE=1 tools/build $(BUILD)
	@for suite in run mdns whatnext; do \
	    [ ! -x interop/$$suite ] || interop/$$suite || bad=1; done; [ -z "$$bad" ]

flights: ## round trips to the first pong over a link of 2 x 25 ms; build/results/flights.json
	@tools/need-packages run check interop
	@RECONFIGURE=1 tools/build $(BUILD)
	@interop/flights

bench: ## ours, go, rust and the limit side by side; build/results/bench.json
	@tools/need-packages run
	@tools/build $(BUILD)
	@bench/run --build $(abspath $(BUILD)) $(BENCH)

e2e: all ## real programs on two machines made of network namespaces; build/results/e2e.json
	@tools/need-packages run e2e
	@tests/e2e/run

kill: all ## processes killed at random moments, ROUNDS each; build/results/kill.json
	@tools/need-packages run e2e
	@tests/e2e/kill $(ROUNDS)

net: all ## addresses and interfaces that come and go under two machines; build/results/net.json
	@tools/need-packages run e2e
	@tests/e2e/net

order: all ## N random kills, stops and starts on two machines, against the truth; build/results/order.json
	@tools/need-packages run e2e
	@tests/e2e/order $(N) $(if $(SEED),--seed $(SEED))

format: ## format every C file in place
	@tools/format

install: ## install into PREFIX
	@tools/need-packages run
	@TARGETS="$(PROGRAMS)" tools/build $(BUILD) -Dprefix=$(abspath $(PREFIX))
	@meson install -C $(BUILD) --no-rebuild

clean: ## remove the build folders
	rm -rf build build-clang build-asan build-ubsan build-fuzz build-cov

help: ## this list
	@sed -n 's/^\([a-z0-9]*\):[^#]*## \(.*\)/\1	\2/p' Makefile | expand -t 12
