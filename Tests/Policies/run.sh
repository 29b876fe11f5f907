#!/usr/bin/env bash
# Tests the policies with a built cadre: their tests with full coverage, their form, and the same questions in regopy. The
# last lines are PASS or FAIL and a name. Usage: run.sh [FOLDER_OF_CADRE]
set -uo pipefail
cd "$(dirname "$0")/../.."
programs=${1:-.build/debug}
failed=0
check() {
  local name=$1 text
  shift
  if text=$("$@" 2>&1); then
    echo "PASS policies: $name"
  else
    echo "$text" | grep -v '^100\.0%'
    echo "FAIL policies: $name"
    failed=1
  fi
}
check "every module is well" "$programs/cadre" policy check policies
check "tests reach every rule and expression" "$programs/cadre" policy test policies --coverage --threshold 100
check "modules have their form" "$programs/cadre" policy fmt policies --check
.build/python/bin/python Tests/Policies/regopy_cases.py --bin "$programs" | tail -20
[ "${PIPESTATUS[0]}" -eq 0 ] || failed=1
exit $failed
