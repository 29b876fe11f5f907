#!/usr/bin/env bash
# Runs every test and ends with "N passed, N failed", counted one by one: the tests in Swift, the cases of the clients in
# Python, the fuzz targets. What has failed is named before that line.
set -uo pipefail
cd "$(dirname "$0")/.."
log=$(mktemp)
trap 'rm -f "$log"' EXIT
{
  Tests/Fuzz/run.sh "${SECONDS_EACH:-3}"
  fuzz=$?
  swift test --skip-build
  swift=$?
  Tests/Policies/run.sh .build/debug
  policies=$?
  [ $fuzz -eq 0 ] && [ $swift -eq 0 ] && [ $policies -eq 0 ]
} 2>&1 | tee "$log"
status=${PIPESTATUS[0]}
# The closing line of Swift Testing: "Test run with N tests in M suites passed|failed ... with K issues".
total=$(sed -nE 's/.*Test run with ([0-9]+) tests? .*/\1/p' "$log" | tail -1)
cases=$(grep -cE '^(PASS|FAIL) [a-z]+: ' "$log")
skipped=$(grep -cE '^SKIP [a-z]+: ' "$log")
# Swift counts all cases of the clients as one test, and all of the API as another.
failed=$(sed -nE 's/^✘ Test (.*) failed after .*/Swift: \1/p; s/^FAIL (.*)/\1/p' "$log" |
  grep -vE '^Swift: ("a case of the clients"|"a case of the API"|run with )')
count=$(grep -c . <<<"$failed")
if [ "$status" -ne 0 ] && [ "$count" -eq 0 ]; then
  failed="the tests did not run to their end"
  count=1
fi
[ "$count" -eq 0 ] || sed 's/^/FAILED /' <<<"$failed"
[ "$skipped" -eq 0 ] || echo "$skipped skipped"
swift_count=$((${total:-0} > 1 ? ${total:-0} - 2 : 0))
passed=$((swift_count + cases - count))
echo "$swift_count tests in Swift, $(grep -cE '^(PASS|FAIL) fuzz: ' "$log") fuzz targets, $(grep -E '^(PASS|FAIL) [a-z]+: ' "$log" | grep -vc ' fuzz: ') cases of clients"
echo "$((passed > 0 ? passed : 0)) passed, $count failed"
[ "$status" -eq 0 ] && [ "$count" -eq 0 ] && [ "$passed" -gt 0 ]
