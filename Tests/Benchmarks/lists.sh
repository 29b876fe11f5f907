#!/usr/bin/env bash
# Fills the private database of a stack that runs and times its lists. Usage: lists.sh DATA PORT ROWS
set -euo pipefail
here=$(dirname "$0")
data=$1 port=$2 rows=$3
key=$(cat "$data/api-key")
curl --fail --silent --output /dev/null -H "Authorization: Bearer $key" -H "Content-Type: application/json" -H "Prefer: wait=60" \
  -d '{"input":{"prompt":"a run that others are copied from"}}' "http://127.0.0.1:$port/api/v1/tasks"
for pid in $(pgrep -x orchestrator); do
  parent=$(ps -o args= -p "$(ps -o ppid= -p "$pid" | tr -d ' ')")
  case $parent in *"--data $data "*) break ;; *) pid="" ;; esac
done
[ -n "${pid:-}" ] || { echo "no stack runs on $data; start one with make run" >&2; exit 1; }
url=$(tr '\0' '\n' < "/proc/$pid/environ" | sed -n 's/^CADRE_POSTGRES_URL=//p')
psql "$url" --quiet --no-psqlrc --set rows="$rows" --file "$here/lists.sql" > /dev/null
exec python3 "$here/lists.py" --url "http://127.0.0.1:$port" --key "$key"
