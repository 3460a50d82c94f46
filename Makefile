# What the project can do for you: make help.
.DEFAULT_GOAL := help
.NOTPARALLEL: # each target uses all processors by itself
SHELL := /usr/bin/env bash -o errexit -o pipefail
KUBECTL ?= kubectl
TOOL := go tool -modfile=hack/tools/go.mod
OUT ?= dist
VERSION ?= $(shell git describe --tags --always --dirty)
export CGO_ENABLED ?= 0

##@ Try it

.PHONY: demo demo-empty demo-operator demo-down
demo: devcluster ## Start a control plane and the operator, and watch three tenants get their gateways
	@go run ./test/demo up

demo-empty: devcluster ## Start a control plane without the operator, to install it there by hand
	@go run ./test/demo empty

demo-operator: build ## Run beside that control plane the operator that you installed, as its Deployment says
	@go run ./test/demo operator

demo-down: ## End what these started
	@go run ./test/demo down

.PHONY: realnode realnode-down realnode-binaries
realnode: realnode-binaries ## Start a real node (kubelet, containerd) with the operator and a tenant, as root on Debian 12
	@bin/realnode/realnode up

realnode-down: ## Stop that node and remove its files
	@bin/realnode/realnode down

realnode-binaries: devcluster # Debian packages, the program that runs the node, and the programs in its images
	@hack/realnode/fetch
	@echo "build: bin/realnode"
	@$(MAKE) --no-print-directory binaries OUT=bin/realnode/image
	@go build -o bin/realnode/realnode ./test/realnode/program
	@go build -ldflags="-s -w" -o bin/realnode/pause ./test/realnode/pause
	@go -C test/gateway/server build -ldflags="-s -w" -o $(CURDIR)/bin/realnode/gateway .

##@ Develop

.PHONY: build generate chart golden fmt
build: ## Build the operator and its other commands into bin/
	@echo "build: bin/manager, bin/certgen, bin/kubectl-gatewaytenant"
	@mkdir -p bin
	@go build -o bin/ ./cmd/... # without the image's -trimpath, so that tests run by hand use the same compiled packages

generate: ## Write deepcopy, CRD, roles, dashboard and references (API, gateway.toml, metrics) anew from the Go code
	@echo "generate: deepcopy, CRD, roles, dashboard, docs/api.md, docs/configuration.md, docs/metrics.md, docs/troubleshooting.md, docs/versions.md"
	@$(TOOL) controller-gen object paths=./api/... crd output:crd:dir=config/crd/bases \
		rbac:roleName=gatewaytenant-operator paths=./controllers/... output:rbac:dir=config/rbac
	@mkdir -p docs
	@$(TOOL) crd-ref-docs --source-path=api --config=hack/tools/crd-ref-docs.yaml --renderer=markdown --output-path=docs/api.md --log-level=ERROR
	@sed 's/\](\[/\\](\[/g' docs/api.md >docs/api.md.new && mv docs/api.md.new docs/api.md # in a pattern, this is no link
	@go test ./manifests/gatewaytoml -count=1 -run TestConfigurationDoc -update >/dev/null
	@go test ./controllers/gatewaytenant -count=1 -run TestTroubleshooting -update >/dev/null
	@go test ./controllers/operator -count=1 -run TestMetricsDoc -update >/dev/null
	@go test ./manifests/release -count=1 -run TestVersionsDoc -update >/dev/null
	@go -C hack/monitoring run . ../../config/prometheus/dashboard.json

chart: bin/kubectl ## Write the Helm chart anew from what kustomize makes of config/
	@echo "chart: config/chart"
	@go run ./cmd/manager --help 2>&1 | go run ./hack/chart -kubectl=bin/kubectl

golden: ## Rewrite the golden files; review them as a diff
	@go test ./manifests ./manifests/gatewaytoml ./controllers/plugin -update

fmt: ## Format all Go code
	@$(TOOL) golangci-lint-kube-api-linter fmt

##@ Check

.PHONY: verify lint test test-unit test-install test-e2e e2e-faulty docs-test rights hostile hostile-small attack
verify: bin/kubectl bin/helm ## Regenerate, lint, render, follow links, look at licences; fail if a generated file changes
	@hack/verify

lint: ## Lint Go code, and the API by Kubernetes' conventions
	@echo "lint: the first time compiles the linter (minutes)"
	@$(TOOL) golangci-lint-kube-api-linter run

test: test-unit test-install test-e2e ## Run all tests: unit, golden, and those on a real control plane

test-install: devcluster bin/helm ## Run the tests of the control plane, the demo, the Helm chart and the installation
	@echo "test: the control plane, the demo, the Helm chart and the installation"
	@go test -count=1 -p=1 -timeout=25m ./hack/chart ./test/devcluster/... ./test/demo/... ./test/install/...

test-e2e: devcluster ## Run the end-to-end tests, with the race detector
	@echo "test: on a real control plane, with the race detector"
	@CGO_ENABLED=1 go test -race -count=1 -timeout=40m ./test/e2e/...

e2e-faulty: devcluster ## Run the end-to-end tests with 30 % of the operator's requests answered with faults (30 minutes); FAULTY=-faulty-seed=N says which
	@go test -count=1 -v -timeout=90m ./test/e2e -args -faulty=0.3 $(FAULTY) | grep -v '^=== '

rights: devcluster ## Take each right away from the operator and certgen in turn, and see that it is missed (minutes)
	@go test -count=1 -v -timeout=30m -parallel=20 ./test/rights | grep -v '^=== '

test-unit: ## Run the tests that need no control plane
	@echo "test: without a control plane"
	@go test ./api/... ./cmd/... ./controllers/... ./manifests/... ./test/audit ./test/bench ./test/faults/model ./test/faulty ./test/gateway/... ./test/upgrade
	@go -C test/gateway/server test ./...
	@command -v promtool >/dev/null || echo "test: promtool is not installed, so NO ALERT IS TRIED; Debian has it in the package prometheus" >&2
	@go -C hack/monitoring test ./...
	@go test ./test/hostile -skip TestHostileTenants
	@go test ./test/docs -skip TestCommands
	@go -C hack/supply test ./...

hostile: devcluster ## Render 100,000 generated GatewayTenants, and have many tenants attack with as many (eleven minutes)
	@go test ./test/hostile -count=1 -timeout=60m -v -run 'TestRendered|TestHostileTenants' -args -rendered=100000 -specs=100000 -tenants=64 $(HOSTILE)

hostile-small: devcluster ## Run hostile with a few tenants and 3,000 specs, and all attacks of make attack together; HOSTILE=-seed=N repeats a run
	@go test ./test/hostile -count=1 -timeout=10m -v -run TestHostileTenants -args -specs=3000 $(HOSTILE)
	@go test ./test/attack -count=1 -timeout=10m -v -run TestAllAttacks

attack: devcluster ## Attack the operator under its memory limit: one attack after the other, then all together (15 minutes); ATTACK='-run TestAttacks/events' selects
	@go test ./test/attack -count=1 -timeout=60m -v $(ATTACK)

.PHONY: peers
PYTHON ?= python3
peers: export PYTHON := $(PYTHON)
peers: devcluster bin/helm bin/pythonclient/installed ## Run the operator next to the real cert-manager (built first: four minutes of CPU), and call a gateway with OpenShell's Python client
	@echo "build: bin/certmanager, bin/gateway"
	@go -C test/peers/certmanager build -ldflags="-s -w" -o $(CURDIR)/bin/certmanager .
	@go -C test/gateway/server build -ldflags="-s -w" -o $(CURDIR)/bin/gateway .
	@go test -count=1 -v -timeout=20m ./test/peers

bin/pythonclient/installed: test/peers/pythonclient/requirements.txt
ifeq ($(PYTHON),off)
	@echo "peers: PYTHON=off, so OpenShell's Python client is NOT TESTED" >&2
else
	@echo "build: bin/pythonclient, with the Python client that PyPI has"
	@$(PYTHON) -m venv --clear bin/pythonclient
	@bin/pythonclient/bin/pip install --quiet --disable-pip-version-check --no-deps --only-binary=:all: -r $<
	@touch $@
endif

.PHONY: test-realnode
ifeq ($(REALNODE),off)
test-realnode:
	@echo "test-realnode: skipped, because REALNODE=off. Nothing was tested on a real kubelet."
else
test-realnode: realnode-binaries ## Run the tests on a real node, as root on Debian 12; REALNODE=off skips them where that is impossible
	@go test -count=1 -p=1 -timeout=20m ./test/realnode/...
endif

docs-test: devcluster ## Run the commands of README and docs that are marked as tested, on a real control plane
	@go test -count=1 -v -timeout=10m -run=TestCommands ./test/docs | grep -v '^=== '

.PHONY: faults faults-small fuzz fuzz-small
faults: ## Show that the operator bears faults: an hour and a half, or as FAULTS says, such as FAULTS='-budget 10m -transitions 0'
faults-small: FAULTS = -workloads '^(create|image|lost certificate)$$' -plans 60 -budget 100s -models=false -tenants 0 -disasters 0 -transitions 0
faults-small: ## A selection of the plans and canaries of three workloads, within five minutes
faults faults-small: devcluster
	@go run ./test/faults $(FAULTS)

.PHONY: upgrade
FROM ?=
TENANTS ?= 0
UPGRADE ?=
upgrade: devcluster ## Upgrade 20 tenants from the version FROM=<git revision> to this one, back and again, and report all writes and restarts
	@go run ./test/upgrade -from='$(FROM)' -tenants=$(TENANTS) $(UPGRADE)

FUZZTIME ?= 30s
fuzz: ## Let each fuzz target look for inputs that break it, for FUZZTIME each (30s)
fuzz-small: FUZZTIME = 5s
fuzz-small: ## The same, for five seconds each
fuzz fuzz-small:
	@grep -rno --include='*_test.go' '^func Fuzz[A-Za-z]*' api cmd controllers manifests | sed -E 's|/[^/]*_test.go:[0-9]+:func | |' | while read -r package target; do \
		echo "fuzz: $$target in $$package, for $(FUZZTIME)"; \
		go test "./$$package" -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x || exit 1; \
	done

##@ Ship

.PHONY: binaries reproducible sbom licences vulncheck
binaries: ## Build what the image holds, into dist/ or OUT; the Dockerfile does it by this, too
	@GOFLAGS= CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags="-s -w" -o $(OUT)/ ./cmd/manager ./cmd/certgen

reproducible: ## Build these twice, with other caches in another directory; fail unless all bytes are the same
	@hack/supply/reproducible

sbom: binaries ## Write the list of modules of each of these beside it, as CycloneDX
	@for binary in manager certgen; do \
		go tool -modfile=hack/supply/go.mod cyclonedx-gomod bin -json -std -noserial -notimestamp -version=$(VERSION) \
			-output=$(OUT)/$$binary.cdx.json $(OUT)/$$binary && echo "sbom: $(OUT)/$$binary.cdx.json" || exit 1; \
	done

licences: ## Fail on a module whose licence is not in hack/supply/allowed-licences
	@hack/supply/licences

vulncheck: ## Look for known vulnerabilities in code that is called; DB=file:///path where the public list is out of reach
	@DB=$(DB) hack/supply/vulncheck

##@ Measure

.PHONY: bench bench-small
bench: BENCH = --scale=whole --page=docs/performance.md
bench: ## Measure with 1,000 tenants (half an hour), and write the figures into docs/performance.md
bench-small: BENCH = --scale=small
bench-small: ## Measure with 100 tenants (three minutes): fails if a tenant costs a request more
bench bench-small: devcluster
	@go build -o bin/bench ./test/bench
	@bin/bench $(BENCH)

##@ The control plane for demo and tests

.PHONY: devcluster
devcluster: bin/kubectl build ## Build its binaries into bin/ (ten minutes the first time)
	@echo "build: bin/containers"
	@go build -o bin/containers ./test/devcluster/containers

bin/kubectl: FORCE
	@hack/devcluster/build

bin/helm: hack/helm/go.mod hack/helm/go.sum
	@echo "build: bin/helm, which takes minutes the first time"
	@go -C hack/helm build -ldflags="-s -w" -o ../../bin/helm helm.sh/helm/v4/cmd/helm
	@touch bin/helm # a build that changed nothing leaves the old time

##@ Deploy to the cluster of your kubectl's current context

.PHONY: release install uninstall deploy undeploy
release: chart bin/helm ## Write install.yaml and the chart into dist/: IMAGE=<repository>:<tag> VERSION=<version>
	@hack/release

install: ## Install the CRD, the roles of gateways, and the namespace of the platform
	@$(KUBECTL) apply -k config/crd

uninstall: ## Remove these: deletes every GatewayTenant, and with them every gateway
	@$(KUBECTL) delete --ignore-not-found -k config/crd

deploy: install ## Deploy the operator; set its image in config/default/kustomization.yaml first
	@$(KUBECTL) apply -k config/default

undeploy: ## Remove the operator only; CRD, GatewayTenants, gateways and platform-config stay
	@$(KUBECTL) delete --ignore-not-found -k config/default

##@ Other

.PHONY: clean help FORCE
clean: ## Remove what was built
	@rm -rf bin dist

help: ## List what there is
	@awk 'BEGIN {FS = ":.*## "} /^##@ / {printf "\n%s\n", substr($$0, 5)} /^[a-z0-9-]+:.*## / {printf "  %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
