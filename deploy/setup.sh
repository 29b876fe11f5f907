#!/usr/bin/env bash
# Installs what the build, the local stack and the tests need on Debian 12 and is missing. Swift and make must be there already.
# Usage: deploy/setup.sh [run|test|bench|dashboards|drill]
set -euo pipefail
purpose=${1:-run}

if ! command -v swift >/dev/null; then
  echo "swift is missing: install Swift 6.2 or later from https://www.swift.org/install/linux/ and put it on the PATH." >&2
  exit 1
fi

packages=()
need_file() { [ -e "$1" ] || packages+=("$2"); }
need_program() { command -v "$1" >/dev/null 2>&1 || packages+=("$2"); }

need_file /usr/include/postgresql/libpq-fe.h libpq-dev
need_file /usr/include/hiredis/hiredis.h libhiredis-dev
need_file /usr/include/x86_64-linux-gnu/curl/curl.h libcurl4-openssl-dev
need_file /usr/include/openssl/evp.h libssl-dev
need_file /usr/include/yaml.h libyaml-dev
need_file /usr/include/zlib.h zlib1g-dev
need_file /usr/include/zstd.h libzstd-dev
need_program pkg-config pkg-config
# The sandbox's engine is fetched with them.
need_program python3 python3
python3 -c 'import ensurepip' 2>/dev/null || packages+=(python3-venv)
need_program xz xz-utils
need_program redis-server redis-server
compgen -G "/usr/lib/postgresql/*/bin/postgres" >/dev/null || need_program postgres postgresql
if [ "$purpose" = test ] || [ "$purpose" = bench ]; then
  need_program promtool prometheus
  need_program gpg gnupg
  need_program openssl openssl
  PATH=$PATH:/usr/sbin need_program pgbouncer pgbouncer
fi
if [ "$purpose" = dashboards ]; then
  for program in prometheus prometheus-postgres-exporter prometheus-redis-exporter prometheus-node-exporter; do
    need_program $program $program
  done
fi
if [ "$purpose" = drill ]; then
  need_program prometheus prometheus
  need_program prometheus-alertmanager prometheus-alertmanager
  need_program python3 python3
fi
if [ "$purpose" = bench ]; then
  need_program nginx nginx-light
  need_program wrk wrk
fi

if [ ${#packages[@]} -gt 0 ]; then
  echo "Installing: ${packages[*]}"
  as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
  export DEBIAN_FRONTEND=noninteractive
  as_root apt-get update -q >/dev/null
  # The servers of these packages are not needed as system services: nothing is started.
  policy=/usr/sbin/policy-rc.d
  made_policy=no
  if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null
    as_root chmod 755 $policy
    made_policy=yes
  fi
  as_root apt-get install -y -q --no-install-recommends "${packages[@]}" >/dev/null
  if [ $made_policy = yes ]; then as_root rm -f $policy; fi
fi

# What agents' programs run in: the engine, Python and JavaScript. Without it everything else works.
if [ "$purpose" = run ] || [ "$purpose" = test ]; then
  "$(dirname "$0")/sandbox/build" || echo "The sandbox of agents is off: its engine could not be built." >&2
fi

# The official clients of OpenAI and Anthropic, with which the llm-router is tested.
if [ "$purpose" = test ]; then
  wanted=Tests/Clients/requirements.txt
  if ! cmp -s $wanted .build/python/installed.txt; then
    echo "Installing the Python clients of $wanted into .build/python"
    rm -rf .build/python
    python3 -m venv .build/python
    .build/python/bin/pip install --quiet --disable-pip-version-check -r $wanted
    cp $wanted .build/python/installed.txt
  fi
  # The official client and server of the Model Context Protocol: the newest, and the last that knows sessions only. They need
  # different versions of what they stand on, so each has a folder of its own. And a provider of OpenID Connect.
  for name in mcp mcp-sessions oidc; do
    wanted=Tests/Clients/$name.txt
    if ! cmp -s $wanted .build/$name/installed.txt; then
      echo "Installing the Python package of $wanted into .build/$name"
      rm -rf .build/$name
      python3 -m venv .build/$name
      .build/$name/bin/pip install --quiet --disable-pip-version-check -r $wanted
      cp $wanted .build/$name/installed.txt
    fi
  done
  # The command-line agents of the same companies. They are large; without them their tests are skipped, visibly.
  agents=Tests/Clients/agents.txt
  if ! cmp -s $agents .build/python/agents.txt; then
    echo "Installing the agents of $agents into .build/python"
    if .build/python/bin/pip install --quiet --disable-pip-version-check -r $agents; then
      cp $agents .build/python/agents.txt
    else
      echo "They are not to be had; their tests are skipped." >&2
    fi
  fi
fi
