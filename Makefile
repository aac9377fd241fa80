# Every target does its own set-up: what a fresh Debian lacks is installed through apt, only where it is missing.
# The two doors: `make demo` converts the bundled model and draws pictures, `make test` runs all tests.

SWIFT     ?= swift
PYTHON    ?= python3
PREFIX    ?= /usr/local
DESTDIR   ?=
OUT       ?= out
SECONDS   ?= 60
ROUNDS    ?= 5
KILLS     ?= 300
MUTANTS   ?= 21000
PER_CLASS ?= 20

BUILD     := .build/release
# With Swift's run-time libraries in the programs: they run where there is no toolchain.
STATIC    := .build/dist/release
DEMO      := models/fashion-var
MODEL     := $(DEMO)/fashion-var.varq
VENV      := .build/venv
CHECKS    := .build/checkpoints
SUDO      := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

# OpenBLAS is opened by var-convert and var-eval when they need it, not linked: its run-time package is enough.
LIBRARIES := git pkg-config zlib1g-dev libdeflate-dev libpng-dev libjpeg62-turbo-dev libssl-dev libgif-dev libopenblas0
ARM_TOOLS := binutils-aarch64-linux-gnu gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user
C_TOOLS   := clang-format-14
C_SOURCES := $(wildcard $(addsuffix /*.[ch],Sources/CVARKernels/* Tests/arm Benchmarks/kernel-bench))
BROWSER   := chromium
CLUSTER   := slurmctld slurmd slurm-client munge parallel procps
PY_TOOLS  := python3 python3-venv

# $(call apt-install,PACKAGES): installs those that dpkg doesn't list as installed; no network otherwise.
define apt-install
	@missing=""; for p in $(1); do \
	  dpkg-query -W -f '$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then echo "installing$$missing"; \
	  $(SUDO) apt-get update -qq && \
	  DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y -qq --no-install-recommends $$missing; fi
endef

# $(call venv,REQUIREMENTS): a Python environment below .build with these packages, made once.
define venv
	$(call apt-install,$(PY_TOOLS))
	@[ -x $(VENV)/bin/python ] || $(PYTHON) -m venv $(VENV)
	@cmp -s $(1) $(VENV)/$(notdir $(1)) || \
	  { $(VENV)/bin/pip install -q -r $(1) && cp $(1) $(VENV)/$(notdir $(1)); }
endef

.DEFAULT_GOAL := help
.PHONY: help setup build demo example docs test lint lint-c test-arm test-python test-cluster kill-samples eval-parity quality-pictures scaling fuzz faults hostile test-tsan test-asan differential \
        security faults-full parity-full bench bench-convert kernel-bench quality screenshots \
        agreement low-memory train-demo fixtures completions man install dist test-dist clean

help: ## This list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup:
	$(call apt-install,$(LIBRARIES))
	@command -v $(SWIFT) >/dev/null || { echo "no Swift toolchain on PATH: install Swift 6.3 or later"; exit 1; }

build: setup ## Build var-convert, var-run and var-eval
	$(SWIFT) build -c release --product var-convert
	$(SWIFT) build -c release --product var-run
	$(SWIFT) build -c release --product var-eval

$(MODEL): $(DEMO)/var.pth $(DEMO)/vae.pth $(DEMO)/class_names.txt | build
	$(BUILD)/var-convert convert --var $(DEMO)/var.pth --vae $(DEMO)/vae.pth \
	  --class-names $(DEMO)/class_names.txt --force --output $@

demo: build $(MODEL) ## Convert the bundled model, draw a grid of its classes and a strip that shows a picture growing
	@mkdir -p $(OUT)
	$(BUILD)/var-run generate --model $(MODEL) --classes 0-59 --seed 1 --cfg 3 --force --output $(OUT)/demo/ \
	  --grid $(OUT)/demo-grid.png --grid-columns 10 >$(OUT)/demo.txt
	$(BUILD)/var-run generate --model $(MODEL) --classes "red sneaker" --seed 5 --cfg 3 --force --output $(OUT)/demo-sneaker.png \
	  --stages $(OUT)/demo-strip.png
	@echo; echo "All 60 classes:          $(abspath $(OUT))/demo-grid.png"
	@echo "One picture, by scales:  $(abspath $(OUT))/demo-strip.png"

example: build $(MODEL) ## Build a package outside of this one that draws with `import VAR`; the command line's pixels?
	$(SWIFT) build --package-path Examples/draw
	@mkdir -p .build/example
	Examples/draw/.build/debug/draw $(MODEL) "red sneaker" .build/example/library.png
	$(BUILD)/var-run generate --model $(MODEL) --classes "red sneaker" --seed 1 --force \
	  --output .build/example/command.png
	cmp .build/example/library.png .build/example/command.png

docs: setup ## Make the pages of the libraries VAR and VARConversion, in .build/docs
	@mkdir -p .build/docs
	for target in VAR VARConversion; do \
	  VAR_DOCUMENTATION=1 $(SWIFT) package --disable-sandbox --allow-writing-to-directory .build/docs \
	    generate-documentation --target $$target --warnings-as-errors --output-path .build/docs/$$target || exit 1; done

test: setup ## Set up, build, and run all tests
	$(SWIFT) test -c release --disable-testable-imports

lint: lint-c ## Check the formatting of every Swift and kernel file
	$(SWIFT) format lint --strict --recursive --parallel Package.swift Sources Tests Examples/draw/Package.swift Examples/draw/Sources

lint-c: ## Check the formatting of the kernels, their tests and their bench; clang-format -i mends it
	$(call apt-install,$(C_TOOLS))
	clang-format-14 --dry-run -Werror $(C_SOURCES)

test-arm: ## Compile the kernels for AArch64 and test them under an emulator; then every level that this machine can run
	$(call apt-install,$(ARM_TOOLS))
	tools/test-arm.sh
	tools/test-arm.sh --native

test-cluster: build $(MODEL) ## A sample set by a Slurm array and by GNU parallel, tasks and node killed half-way, PER_CLASS pictures a class
	$(call apt-install,$(CLUSTER))
	$(SUDO) tools/test-cluster.sh $(BUILD) $(MODEL) $(PER_CLASS)

kill-samples: build $(MODEL) ## 6,000 pictures by four processes that are killed twenty times → docs/samples.md
	$(PYTHON) tools/kill_samples.py --binaries $(BUILD) --model $(MODEL) --table docs/samples.md

eval-parity: build ## var-eval against PyTorch's Inception, NumPy and SciPy on seeded weights and pictures → docs/evaluate.md
	$(call venv,tools/requirements-scores.txt)
	$(VENV)/bin/python tools/eval_parity.py --binaries $(BUILD) --table docs/evaluate.md

quality-pictures: build ## What types cost in pictures: the demo model's scores by its judge, f32 to mix3.8 → docs/evaluate.md
	$(call venv,tools/requirements.txt)
	$(VENV)/bin/python tools/quality_pictures.py --binaries $(BUILD) --demo $(DEMO) --data .build/data --table docs/evaluate.md

scaling: build ## Train the demo's family, six sizes, and fit the paper's laws to it (half an hour; rerun to resume) → docs/evaluate.md
	$(call venv,tools/requirements.txt)
	$(VENV)/bin/python tools/train_scaling.py --binaries $(BUILD) --data .build/data --runs .build/scaling --output models/scaling
	$(BUILD)/var-run scaling models/scaling/*.json --force --chart docs/scaling.svg
	$(VENV)/bin/python tools/scaling_table.py --binaries $(BUILD) --scaling models/scaling --table docs/evaluate.md

test-python: build ## Read .varq files with NumPy, written from the format's text, and compare bit for bit
	$(call venv,tools/requirements-test.txt)
	$(VENV)/bin/python tools/test_varq.py --binaries $(BUILD)

fuzz: setup ## libFuzzer with sanitizers on every reader, SECONDS each; the table is Tests/Fuzz/RESULTS.md
	VAR_FUZZ=1 $(SWIFT) build -c release --scratch-path .build/fuzz --product fuzz \
	  -Xswiftc -sanitize=fuzzer,address \
	  -Xcc -fsanitize=fuzzer-no-link,address,undefined -Xcc -fno-sanitize-recover=undefined
	$(PYTHON) tools/fuzz.py --driver .build/fuzz/release/fuzz --seconds $(SECONDS)

faults: build ## Kills at KILLS random moments, failing system calls, full disks, cut files: is anything lost? → docs/security.md
	$(PYTHON) tools/faults.py --binaries $(BUILD) --kills $(KILLS) --table docs/security.md

faults-full: build ## The same kills with checkpoints of full size, in the folder FULL as var.pth and vae.pth
	$(PYTHON) tools/faults.py --binaries $(BUILD) --kills $(KILLS) --full-size $(FULL) --table docs/security.md

# -O: the tests would take hours without.
test-tsan: setup ## All tests under ThreadSanitizer
	VAR_SANITIZER=thread TSAN_OPTIONS=suppressions=$(CURDIR)/tools/tsan.supp:allocator_may_return_null=1 \
	  $(SWIFT) test -c release --disable-testable-imports --scratch-path .build/tsan --sanitize=thread

# Not leaks: what a program holds at its end is the system's to take. Memory that can't be had is nil, as without it.
test-asan: setup ## All tests under AddressSanitizer
	VAR_SANITIZER=address ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 \
	  $(SWIFT) test -c release --disable-testable-imports --scratch-path .build/asan --sanitize=address

# What `make test` holds them to, noted.
hostile: setup ## Seconds and megabytes of the worst hostile files that the tests make → docs/security.md
	rm -f .build/hostile.tsv
	VAR_FIGURES=$(CURDIR)/.build/hostile.tsv $(SWIFT) test -c release --disable-testable-imports --filter Hostile
	$(PYTHON) tools/hostile.py .build/hostile.tsv --table docs/security.md

differential: build ## What we read of mutated checkpoints, PyTorch and safetensors read alike; MUTANTS of them → docs/security.md
	$(call venv,tools/requirements.txt)
	$(VENV)/bin/python tools/differential.py --binaries $(BUILD) --mutants $(MUTANTS) --seed 3 --table docs/security.md

security: fuzz hostile faults differential ## All of docs/security.md's figures

$(CHECKS)/d16/var.pth:
	$(call venv,tools/requirements.txt)
	$(VENV)/bin/python tools/make_checkpoint.py $(CHECKS)/d16 --seed 4

parity-full: build ## All goldens of the official code, at full VAR-d16 size too
	$(call venv,tools/requirements.txt)
	$(VENV)/bin/python tools/parity_full.py --binaries $(BUILD) --work $(CHECKS)

bench: build $(CHECKS)/d16/var.pth ## PyTorch and var-run in one interleaved run at d16 shapes
	-$(VENV)/bin/pip install -q torchao
	$(VENV)/bin/python tools/bench.py --checkpoint $(CHECKS)/d16 --binaries $(BUILD) --rounds $(ROUNDS) \
	  --output Benchmarks/RESULTS.md

bench-convert: build $(CHECKS)/d16/var.pth ## Conversions of d16 in turns with a PyTorch script that only converts
	$(VENV)/bin/python tools/bench_convert.py --checkpoint $(CHECKS)/d16 --binaries $(BUILD) --rounds $(ROUNDS) \
	  --output Benchmarks/RESULTS.md

kernel-bench: setup ## Every kernel by shape, with its share of the machine's ceiling
	$(SWIFT) build -c release --product kernel-bench
	$(BUILD)/kernel-bench

quality: build ## What each format and arithmetic costs on the demo model's test images
	$(call venv,tools/requirements.txt)
	$(VENV)/bin/python tools/quality.py --binaries $(BUILD) --demo $(DEMO) --work .build/quality \
	  --guide docs/shrink.md --chart docs/loss-against-size.svg

screenshots: build ## The reports of the demo model in Chromium: are they whole, legible and by themselves? → docs/report-*.png
	$(call apt-install,$(BROWSER) fonts-dejavu-core)
	$(call venv,tools/requirements.txt)
	$(VENV)/bin/python tools/screenshots.py --binaries $(BUILD) --demo $(DEMO) --work .build/screenshots --docs docs

agreement: build ## Does bf16 agree with f32 at least as well as PyTorch's autocast does? On the demo model
	$(call venv,tools/requirements.txt)
	$(VENV)/bin/python tools/agreement.py --binaries $(BUILD) --checkpoint $(DEMO) --work .build/agreement \
	  --levels avx512bf16,avx2

$(CHECKS)/d16/bench-q8.varq: $(CHECKS)/d16/var.pth | build
	$(BUILD)/var-convert convert --var $(CHECKS)/d16/var.pth --vae $(CHECKS)/d16/vae.pth --type q8 --force --output $@

low-memory: build $(CHECKS)/d16/bench-q8.varq ## One d16 picture inside a 512 MiB memory cgroup, from a cold page cache
	tools/low-memory.sh $(BUILD) $(CHECKS)/d16/bench-q8.varq

train-demo: ## Train the demo model again from its data (an hour or more on two cores; rerun to resume)
	$(call venv,tools/requirements.txt)
	cd tools && ../$(VENV)/bin/python -m vartorch.train --data ../.build/data --runs ../.build/train --output ../$(DEMO)

fixtures: ## Make the tests' goldens again with PyTorch
	$(call venv,tools/requirements.txt)
	$(VENV)/bin/python tools/make_fixtures.py

completions: build ## Shell completions for bash, zsh and fish, into OUT/completions
	@mkdir -p $(OUT)/completions
	for p in var-run var-convert var-eval; do for s in bash zsh fish; do \
	  $(BUILD)/$$p --generate-completion-script $$s > $(OUT)/completions/$$p.$$s || exit 1; done; done

man: setup ## Manual pages, into OUT/man
	@mkdir -p $(OUT)/man
	$(SWIFT) package -c release --allow-writing-to-directory $(OUT)/man generate-manual --multi-page --output-directory $(OUT)/man

$(STATIC)/%: setup
	$(SWIFT) build -c release --static-swift-stdlib --scratch-path .build/dist --product $*

install: $(STATIC)/var-run $(STATIC)/var-convert $(STATIC)/var-eval $(MODEL) completions man ## Install programs, which need no toolchain then, model, man pages and completions below PREFIX
	install -d $(addprefix $(DESTDIR)$(PREFIX)/,bin share/var-swift share/man/man1 \
	  share/bash-completion/completions share/zsh/site-functions share/fish/vendor_completions.d)
	install -s -m 755 $(STATIC)/var-run $(STATIC)/var-convert $(STATIC)/var-eval $(DESTDIR)$(PREFIX)/bin/
	install -m 644 $(MODEL) $(DESTDIR)$(PREFIX)/share/var-swift/
	find $(OUT)/man -name '*.1' -exec install -m 644 {} $(DESTDIR)$(PREFIX)/share/man/man1/ \;
	for p in var-run var-convert var-eval; do \
	  install -m 644 $(OUT)/completions/$$p.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/$$p; \
	  install -m 644 $(OUT)/completions/$$p.zsh $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_$$p; \
	  install -m 644 $(OUT)/completions/$$p.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/$$p.fish; done

dist: ## A Debian package, an archive to unpack anywhere and their checksums, into OUT/dist
	$(call apt-install,dpkg-dev xz-utils)
	rm -rf .build/stage $(OUT)/dist
	$(MAKE) install DESTDIR=.build/stage PREFIX=/usr
	tools/dist.sh .build/stage $(OUT)/dist

test-dist: build dist ## The package in a minimal Debian without Swift: does it draw the same pictures?
	$(call apt-install,debootstrap)
	$(SUDO) tools/test-dist.sh $(OUT)/dist/var-swift_*.deb $(BUILD) $(MODEL)

clean: ## Remove what was built
	rm -rf .build $(OUT) $(MODEL)
