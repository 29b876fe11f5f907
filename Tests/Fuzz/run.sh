#!/usr/bin/env bash
# Builds every fuzz target with libFuzzer and AddressSanitizer and runs each for $1 seconds (default 60), beginning with
# its seeds. A target is compiled together with the sources of its module, or of those that its file `modules` lists, as
# one module. What has not changed is not compiled again. The last line of each target is PASS or FAIL and its name.
# Usage: run.sh [SECONDS [NAME]]
set -euo pipefail
cd "$(dirname "$0")/../.."

# What runs for seconds only is not worth the time of the optimizer.
if [ "${1:-60}" = --build ]; then shift; else
  export FUZZ_FLAGS="-O"
  if [ "${1:-60}" -lt 10 ]; then export FUZZ_FLAGS="-Onone -whole-module-optimization"; fi
  is_outer=yes
fi
built=.build/fuzz/${FUZZ_FLAGS%% *}

# What a line of Swift must look like to be an import, and the name in it.
import_line='^(public |package |internal |private )?import ([A-Za-z]+)$'

imports_of() { sed -nE "s/$import_line/\2/p" "$@" | sort -u; }

# The libraries of the system that sources import.
flags_of() {
  local name
  # As Package.swift has it.
  echo -swift-version 6 -package-name fuzz
  for name in ExistentialAny InternalImportsByDefault NonisolatedNonsendingByDefault; do
    echo "-enable-upcoming-feature $name"
  done
  for name in $(imports_of "$@"); do
    if [ -d "Shared/CLibraries/$name" ]; then echo "-I Shared/CLibraries/$name"; fi
  done
}

# The folders of a target's modules: its own or the listed ones, and the shared ones that they import.
folders_of() {
  local module=$1 source=$2 folders name before files
  folders=("Shared/$module")
  if [ -f "Tests/Fuzz/$module/modules" ]; then read -r -a folders <"Tests/Fuzz/$module/modules"; fi
  before=0
  while [ "$before" -ne "${#folders[@]}" ]; do
    before=${#folders[@]}
    mapfile -t files < <(find "${folders[@]}" -name '*.swift')
    for name in $(imports_of "${files[@]}" "$source"); do
      if [ -d "Shared/$name" ] && [[ " ${folders[*]} " != *" Shared/$name "* ]]; then folders+=("Shared/$name"); fi
    done
  done
  echo "${folders[@]}"
}

# Compiles one target, given by its source, into $built.
build() {
  local source=$1 module name folders names file copies sum
  module=$(basename "$(dirname "$source")")
  name=$(basename "$source" .swift)
  read -r -a folders < <(folders_of "$module" "$source")
  sum=$(cat "$source" "$0" $(find "${folders[@]}" -name '*.swift' | sort) | sha256sum)
  if [ -x "$built/$name" ] && [ "$sum" = "$(cat "$built/$name.sum" 2>/dev/null)" ]; then return; fi
  # Several modules become one: what they import of each other is there.
  names=$(printf '%s\n' "${folders[@]}" | sed 's#.*/##' | paste -sd '|')
  copies=$built/sources-$name
  rm -rf "$copies" "$built/$name" "$built/$name.sum"
  mkdir -p "$copies"
  find "${folders[@]}" -name '*.swift' | while read -r file; do
    sed -E "s/^(public |package |internal |private )?import ($names)\$//" "$file" >"$copies/${file//\//-}"
  done
  # Compiled as a whole, the names of headers that several C libraries include are lost to all but one of them.
  local flags=$FUZZ_FLAGS
  if imports_of "$copies"/*.swift | grep -qx CLinux; then flags=${flags/ -whole-module-optimization/}; fi
  echo "== building $name"
  # shellcheck disable=SC2046,SC2086
  swiftc $flags -sanitize=fuzzer,address -parse-as-library $(flags_of "$copies"/*.swift "$source") \
    "$copies"/*.swift "$source" -o "$built/$name" 2>&1 | grep -v "Cannot export local symbol" || [ -x "$built/$name" ]
  echo "$sum" >"$built/$name.sum"
}

# Runs one target and says what became of it.
fuzz() {
  local source=$1 seconds=$2 module name corpus folder word log count
  module=$(basename "$(dirname "$source")")
  name=$(basename "$source" .swift)
  corpus=$built/corpus-$name
  log=$built/$name.log
  if [ ! -x "$built/$name" ]; then
    echo "FAIL fuzz: $name; it does not compile"
    return 1
  fi
  # What was found before stays; seeds are in a folder of the target's name, or in that of the module.
  mkdir -p "$corpus"
  for folder in "Tests/Fuzz/$module/seeds" "Tests/Fuzz/$module/seeds"/*/; do
    word=$(basename "$folder" | tr -d '-' | tr '[:upper:]' '[:lower:]')
    if [ "$word" = seeds ] || [ "fuzz$word" = "$(tr '[:upper:]' '[:lower:]' <<<"$name")" ]; then
      find "$folder" -maxdepth 1 -type f -exec cp {} "$corpus" \;
    fi
  done
  if [ -z "$(ls "$corpus")" ]; then
    echo "FAIL fuzz: $name; it has no seeds in Tests/Fuzz/$module/seeds"
    return 1
  fi
  rm -f "$built/$name"-crash-* "$built/$name"-oom-* "$built/$name"-timeout-*
  # References with marks in them look like leaks; locals have their place on the real stack, whose use is bounded.
  ASAN_OPTIONS=detect_leaks=0:detect_stack_use_after_return=0 SWIFT_BACKTRACE=enable=no "$built/$name" -max_total_time="$seconds" -rss_limit_mb=4096 \
    -max_len=65536 -print_final_stats=1 -artifact_prefix="$built/$name-" "$corpus" >"$log" 2>&1 || true
  count=$(sed -nE 's/^stat::number_of_executed_units: *//p' "$log")
  if compgen -G "$built/$name-*-*" >/dev/null || [ "${count:-0}" -eq 0 ]; then
    grep -E "ERROR|SUMMARY|Fatal error" "$log" || tail -20 "$log"
    echo "FAIL fuzz: $name; its input is $(compgen -G "$built/$name-*-*" || echo unknown)"
    return 1
  fi
  echo "PASS fuzz: $name ($count inputs)"
}

if [ "${is_outer:-no}" = no ]; then
  build "$1"
  exit
fi
seconds=${1:-60}
only=${2:-*}
mkdir -p "$built"
sources=$(compgen -G "Tests/Fuzz/*/$only.swift") || { echo "no fuzz target $only" >&2; exit 1; }
sources=$(grep -E '/Fuzz[A-Za-z]*\.swift$' <<<"$sources")
# A compiler uses one core for such a module.
xargs -P "$(nproc)" -n 1 Tests/Fuzz/run.sh --build <<<"$sources" || true
failed=0
for source in $sources; do fuzz "$source" "$seconds" || failed=1; done
exit $failed
