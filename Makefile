# Every target does its own set-up: what a fresh Debian lacks is installed through apt, only where missing.
# The two doors:   make demo   (convert the bundled model, draw pictures)      make test

SWIFT      ?= swift
PREFIX     ?= /usr/local
PYTHON     ?= python3
OUT        ?= out
BUILD      := .build/release
MODEL      := models/fashion-var/fashion-var.varq
# Serialises nothing: a second run of any target finds its work done and needs no network.
LIBRARIES  := git pkg-config zlib1g-dev libpng-dev libjpeg62-turbo-dev libssl-dev libgif-dev
ARM_TOOLS  := gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user make
SUDO       := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

# apt-install PACKAGES: installs those that dpkg does not know as installed.
define apt-install
	@missing=""; for p in $(1); do \
	  dpkg-query -W -f '$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then echo "installing$$missing"; \
	  $(SUDO) apt-get update -qq && DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y -qq --no-install-recommends $$missing; fi
endef

.DEFAULT_GOAL := help
.PHONY: help setup build demo test lint test-arm test-python fuzz parity-full bench quality train-demo \
        completions man install clean

help: ## This list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup:
	$(call apt-install,$(LIBRARIES))
	@command -v $(SWIFT) >/dev/null || { echo "no Swift toolchain on PATH: install Swift 6.3 or later"; exit 1; }

build: setup ## Build var-convert and var-run (release)
	$(SWIFT) build -c release --product var-convert
	$(SWIFT) build -c release --product var-run

test: setup ## Set up, build and run all tests
	$(SWIFT) test -c release

lint: ## Check the formatting of every Swift file
	$(SWIFT) format lint --strict --recursive --parallel Package.swift Sources Tests Benchmarks

clean: ## Remove what was built
	rm -rf .build $(OUT)
