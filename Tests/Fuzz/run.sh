#!/usr/bin/env bash
# Builds every fuzz target with libFuzzer and AddressSanitizer and runs each for $1 seconds (default 60).
# A target is compiled together with the sources of its module, or of those that its file `modules` lists, as one module.
# Usage: run.sh [SECONDS [NAME]]
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-60}
only=${2:-}
out=$(mktemp -d)
[ -n "${KEEP:-}" ] || trap 'rm -rf "$out"' EXIT
for source in Tests/Fuzz/*/Fuzz*.swift; do
  module=$(basename "$(dirname "$source")")
  name=$(basename "$source" .swift)
  if [ -n "$only" ] && [ "$name" != "$only" ]; then continue; fi
  flags=(-enable-upcoming-feature InternalImportsByDefault)
  if [ "$module" = Settings ]; then flags+=(-I Shared/CLibraries/CYAML); fi
  if [ "$module" = ContentCoding ]; then flags+=(-I Shared/CLibraries/CZlib -I Shared/CLibraries/CZstd); fi
  if [ "$module" = Dialects ]; then flags+=(-I Shared/CLibraries/COpenSSL); fi
  echo "== $name"
  sources=(Shared/"$module"/*.swift)
  if [ -f "Tests/Fuzz/$module/modules" ]; then
    # Several modules become one: what they import of each other is there.
    sources=()
    read -r -a folders <"Tests/Fuzz/$module/modules"
    names=$(printf '%s\n' "${folders[@]}" | sed 's#.*/##' | paste -sd '|')
    for folder in "${folders[@]}"; do
      for file in "$folder"/*.swift; do
        copy=$out/$(basename "$folder")-$(basename "$file")
        sed -E "s/^(public|internal|private) import ($names)\$//" "$file" >"$copy"
        sources+=("$copy")
      done
    done
  fi
  swiftc -O -sanitize=fuzzer,address -parse-as-library "${flags[@]}" "${sources[@]}" "$source" -o "$out/$name" 2>&1 |
    grep -v "Cannot export local symbol" || [ -x "$out/$name" ]
  seeds=Tests/Fuzz/$module/seeds/${name#Fuzz}
  corpus=$out/corpus-$name
  mkdir -p "$corpus"
  for folder in "$seeds" "Tests/Fuzz/$module/seeds/$name" "Tests/Fuzz/$module/seeds"; do
    if [ -d "$folder" ]; then find "$folder" -maxdepth 1 -type f -exec cp {} "$corpus" \;; fi
  done
  # References with marks in them look like leaks.
  (cd "$out" && ASAN_OPTIONS=detect_leaks=0 SWIFT_BACKTRACE=enable=no "./$name" -max_total_time="$seconds" -rss_limit_mb=4096 -max_len=65536 -print_final_stats=1 "$corpus" 2>&1 |
    grep -E "stat::number_of_executed_units|ERROR|SUMMARY" || true)
  if compgen -G "$out/crash-*" >/dev/null || compgen -G "$out/oom-*" >/dev/null; then
    cp "$out"/crash-* "$out"/oom-* . 2>/dev/null || true
    echo "$name found a crash; its input lies beside the Makefile" >&2
    exit 1
  fi
done
