#!/usr/bin/env bash
# Builds the images cadre/<program>:<version>.
# Usage: deploy/images/build.sh [--prebuilt] [--version V] [PROGRAM...]
#   --prebuilt  takes programs that this machine builds (Swift on Debian 12), in place of compiling inside the image
#   --version   the tag; else the version of the project
# Files and images have the time SOURCE_DATE_EPOCH (default: of the last commit): two builds of the same programs are the same
# images, digest and all.
# The variable BUILD_IMAGE names the image to build in (default swift:6.3-bookworm; with --prebuilt debian:bookworm-slim).
set -euo pipefail
cd "$(dirname "$0")/../.."
programs=(gateway orchestrator llm-router agent-core mock-provider cadre)
binaries=compiled
version=$(deploy/version)
wanted=()
while [ $# -gt 0 ]; do
  case $1 in
    --prebuilt) binaries=prebuilt ;;
    --version) version=${2:?--version needs a value}; shift ;;
    -h | --help) sed -n '2,8p' "$0" | sed 's|^# \{0,1\}||'; exit 0 ;;
    -*) echo "unknown option $1; see --help" >&2; exit 2 ;;
    *) wanted+=("$1") ;;
  esac
  shift
done
[ ${#wanted[@]} -gt 0 ] || wanted=("${programs[@]}")
if [ $binaries = prebuilt ]; then
  mkdir -p .build/images
  deploy/sandbox/build .build/sandbox
  rm -rf .build/images/sandbox
  mkdir -p .build/images/sandbox/lib
  cp -R .build/sandbox/aot .build/sandbox/manifest.json .build/images/sandbox/
  cp .build/sandbox/lib/libwasmtime.so .build/images/sandbox/lib/
  for program in "${programs[@]}" sandbox-jail sandbox-worker; do
    swift build -c release --static-swift-stdlib --product "$program"
    install -m 0755 ".build/release/$program" ".build/images/$program"
    strip --strip-debug ".build/images/$program"
  done
  : "${BUILD_IMAGE:=debian:bookworm-slim}"
fi
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2> /dev/null || echo 0)}
for program in "${wanted[@]}"; do
  DOCKER_BUILDKIT=1 docker build --quiet --file deploy/images/Dockerfile --target "$program" --tag "cadre/$program:$version" \
    --build-arg BUILD_IMAGE="${BUILD_IMAGE:-swift:6.3-bookworm}" --build-arg BINARIES=$binaries \
    --build-arg VERSION="$version" --build-arg SOURCE_DATE_EPOCH="$epoch" . > /dev/null
  deploy/images/constant-time.py "cadre/$program:$version" "$epoch"
  echo "cadre/$program:$version $(docker image inspect --format '{{.Size}}' "cadre/$program:$version" | awk '{printf "%.0f MB", $1 / 1e6}')"
done
