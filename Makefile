# The whole developer interface. `make help` lists it.
SHELL := /bin/bash
DATA ?= .local
PORT ?= 8080
SERVICES := gateway orchestrator llm-router agent-core sandbox-jail sandbox-worker mock-provider cadre
FORMATTED := Package.swift Services Shared Tests
# The runtime is linked in: a call to it needs no detour, and a program runs on machines without Swift.
RELEASE := swift build -c release --static-swift-stdlib
SCRIPTS = $(shell grep -rlE '^.!.*sh$$' .ci deploy Tests)

.PHONY: help setup run build test lint format tidy modules bench bench-telemetry bench-workflows bench-agents bench-models bench-lists bench-sandbox bench-policies bench-overload bench-gateway policy-test policy-differential chaos planted-secrets drills manifests redis-drill alert-drill trace-drill containers-drill dashboards fuzz api-fuzz bench-events docs clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

setup: ## Install what is missing (Debian packages)
	@deploy/setup.sh run

run: setup build ## Build and run a whole installation on this machine, until Ctrl-C
	@exec .build/release/cadre up --data $(DATA) --port $(PORT)

build: ## Build all executables in release mode
	@for product in $(SERVICES); do $(RELEASE) --product $$product || exit 1; done

test: ## Lint, build and run every test, with private servers; fuzz targets for SECONDS_EACH (default 3) seconds
	@deploy/setup.sh test
	@$(MAKE) --no-print-directory lint
	@SECONDS_EACH=$(or $(SECONDS_EACH),3) .ci/test.sh

policy-test: ## Test the policies with full coverage, check their form, and compare their decisions with those of regopy
	@deploy/setup.sh test
	@swift build --product cadre
	@Tests/Policies/run.sh .build/debug

lint: ## Check the format of all sources, build, and check the imports of all modules
	@swift format lint --strict --parallel --recursive $(FORMATTED)
	@for script in $(SCRIPTS); do bash -n $$script || exit 1; done
	@swift build --build-tests --explicit-target-dependency-import-check error

format: ## Format all sources
	@swift format --in-place --parallel --recursive $(FORMATTED)

tidy: ## Check the rules of style alone, and print what is left to do for those that do not hold yet
	@CADRE_ONLY=Tidy CADRE_TIDY_REPORT=1 swift test --scratch-path .build/tidy

modules: ## Print the lines of every module, and the share of what is shipped that tests can import
	@.ci/modules.py

bench: ## Measure against peers and limits, in one run
	@deploy/setup.sh bench
	@$(MAKE) --no-print-directory build
	@$(RELEASE) --product bench-server
	@python3 Tests/Benchmarks/bench.py --bin .build/release
	@$(MAKE) --no-print-directory bench-policies

bench-policies: ## Measure decisions of the shipped policies against regopy
	@deploy/setup.sh test
	@$(RELEASE) --product bench-policy
	@.build/python/bin/python Tests/Benchmarks/policies.py --bin .build/release

bench-telemetry: ## Measure what tracing, logs and metrics cost, and the size of scrapes
	@deploy/setup.sh run
	@$(MAKE) --no-print-directory build
	@python3 Tests/Benchmarks/telemetry.py --bin .build/release

bench-agents: ## Measure a thousand waiting agents in one agent-core, and what a model call and a tool call cost
	@$(RELEASE) --product agent-core
	@$(RELEASE) --product mock-provider
	@python3 Tests/Benchmarks/agents.py --bin .build/release

bench-workflows: ## Measure durable workflows; PYTHON=... with dbos installed compares with it
	@deploy/setup.sh bench
	@$(RELEASE) --product orchestrator
	@$(RELEASE) --product bench-worker
	@python3 Tests/Benchmarks/workflows.py --bin .build/release $(if $(PYTHON),--python $(PYTHON))

bench-models: ## Measure model calls; LITELLM=FOLDER of its program compares with it
	@deploy/setup.sh bench
	@$(RELEASE) --product llm-router
	@$(RELEASE) --product mock-provider
	@python3 Tests/Benchmarks/router.py --bin .build/release $(if $(LITELLM),--litellm $(LITELLM))

bench-overload: ## Measure what limits cost, and the throughput under ten times the load; PLAIN=a gateway of another build
	@deploy/setup.sh bench
	@$(RELEASE) --product gateway
	@python3 Tests/Benchmarks/overload.py --bin .build/release $(if $(PLAIN),--plain $(PLAIN))

bench-gateway: ## Measure what keys, limits, policies and the audit log cost a request, against nginx
	@deploy/setup.sh bench
	@$(RELEASE) --product gateway
	@python3 Tests/Benchmarks/gateway.py --bin .build/release

bench-sandbox: ## Measure starts, runs and speed of the sandbox's worker, and of its supervisor
	@deploy/setup.sh run
	@$(RELEASE) --product sandbox-jail
	@$(RELEASE) --product sandbox-worker
	@python3 Tests/Benchmarks/sandbox.py --bin .build/release
	@$(RELEASE) --product bench-sandbox
	@.build/release/bench-sandbox "$(CURDIR)/.build/release"

chaos: ## Kill, restart and empty everything under load for SECONDS_OF_CHAOS (default 600), then check; SEED=N repeats one
	@deploy/setup.sh run
	@$(MAKE) --no-print-directory build
	@python3 Tests/Faults/chaos.py --bin .build/release --seconds $(or $(SECONDS_OF_CHAOS),600) $(if $(SEED),--seed $(SEED))

planted-secrets: ## Plant distinctive secrets in a local stack, cause errors at every layer, and look for them everywhere
	@deploy/setup.sh run
	@$(MAKE) --no-print-directory build
	@python3 Tests/Faults/planted_secrets.py --bin .build/release

dashboards: ## Check every query of the dashboards on a Prometheus that scrapes a stack under load; RENDER=FOLDER draws them
	@deploy/setup.sh dashboards
	@$(MAKE) --no-print-directory build
	@python3 Tests/Deploy/dashboards_drill.py --bin .build/release $(if $(RENDER),--render $(RENDER))

drills: ## Drills with real servers of Postgres and PgBouncer: restore, faults of backups, recovery to a point in time, fail-over, replica, pooler, partitions, TLS
	@deploy/setup.sh test
	@for product in $(SERVICES); do swift build --product $$product || exit 1; done
	@for drill in restore backup recovery failover replica pooler partition tls; do echo "$$drill"; python3 Tests/Deploy/$${drill}_drill.py --bin .build/debug || exit 1; done

containers-drill: ## Kill, upgrade, change and restore the stack in containers under load (BASE: an image of Debian 12; REAL=1: the images of others)
	@deploy/images/build.sh --prebuilt
	@python3 Tests/Deploy/containers_drill.py $(if $(REAL),--real-images,--base $(or $(BASE),debian:bookworm-slim))

manifests: ## Check the manifests by the schemas of Kubernetes, and run every job and service with what they give it
	@command -v kubectl > /dev/null || { echo "kubectl is missing: install kubernetes-client" >&2; exit 1; }
	@cmp -s Tests/Deploy/requirements.txt .build/manifests/installed.txt || { rm -rf .build/manifests && python3 -m venv .build/manifests && \
		.build/manifests/bin/pip install --quiet --disable-pip-version-check -r Tests/Deploy/requirements.txt && cp Tests/Deploy/requirements.txt .build/manifests/installed.txt; }
	@for product in $(SERVICES); do swift build --product $$product || exit 1; done
	@python3 Tests/Deploy/manifest_drill.py --bin .build/debug --schemas .build/manifests/bin/kubernetes-validate

bench-lists: ## Fill a local stack that runs (DATA, PORT) with ROWS rows (default 1000000) and time its lists and reports
	@Tests/Benchmarks/lists.sh $(DATA) $(PORT) $(or $(ROWS),1000000)

redis-drill: ## Kill Redis masters, behind sentinels and in a cluster, under a stack at work
	@deploy/setup.sh test
	@$(MAKE) --no-print-directory build
	@python3 Tests/Deploy/redis_drill.py --bin .build/release --mode sentinel
	@python3 Tests/Deploy/redis_drill.py --bin .build/release --mode cluster

alert-drill: ## Spend a budget at a real stack until Alertmanager has sent what it has to (two minutes)
	@deploy/setup.sh drill
	@$(MAKE) --no-print-directory build
	@python3 Tests/Deploy/alert_drill.py --bin .build/release

trace-drill: ## Compare the whole traces of a real stack of two replicas at a receiver of OTLP (a minute)
	@deploy/setup.sh test
	@$(MAKE) --no-print-directory build
	@.build/python/bin/python Tests/Deploy/trace_drill.py --bin .build/release

policy-differential: ## Compare COUNT (default 500) programs of Rego made at random with OPA or regopy
	rm -rf .build/policy-cases
	python3 Tests/Policies/differential.py .build/policy-cases $(or $(COUNT),500) $(SEED)
	CADRE_ONLY=Policy CADRE_CONFORMANCE_STRICT=1 CADRE_CONFORMANCE_DIR=$(CURDIR)/.build/policy-cases \
		swift test --scratch-path .build-only --filter ConformanceTests

api-fuzz: ## Send requests that are made up from the description of the API for SECONDS_OF_FUZZ (default 600) seconds
	@deploy/setup.sh test
	@for product in $(SERVICES); do swift build --product $$product || exit 1; done
	@.build/api/bin/python -B -u Tests/API/run.py --bin .build/debug --fuzz-seconds $(or $(SECONDS_OF_FUZZ),600) "made up"

bench-events: ## Measure the delivery of run events to READERS (default 5000) streams
	@deploy/setup.sh run
	@$(MAKE) --no-print-directory build
	@python3 Tests/Benchmarks/events.py --bin .build/release --readers $(or $(READERS),5000)

fuzz: ## Run every fuzz target for SECONDS_EACH (default 60) seconds
	@deploy/setup.sh run
	@Tests/Fuzz/run.sh $(or $(SECONDS_EACH),60)

docs: ## Generate docs/configuration.md from the settings, docs/errors.md from the problem codes, the Python client from the API
	@deploy/configuration-docs.sh .build/release > .build/configuration.md && cp .build/configuration.md docs/configuration.md
	@CADRE_ONLY=Contracts CADRE_WRITE_DOCS=1 swift test --scratch-path .build/docs --filter ProblemCatalogTests > /dev/null
	@CADRE_ONLY=GatewayOpenAPI CADRE_OPENAPI_FILE=$(CURDIR)/.build/openapi.json swift test --scratch-path .build/docs --filter OpenAPIDocumentTests > /dev/null
	@python3 deploy/python-client.py .build/openapi.json > docs/clients/python/cadre_client.py

clean: ## Remove what was built; data stays
	@swift package clean
