#!/bin/sh
# The program of the image of Open Policy Agent, as far as the stack uses it: `run --server`, and `eval` of the health check.
set -eu
case $1 in
  run) exec /opt/opa/bin/python -u /opt/opa/opa.py "$@" ;;
  eval) exec wget -q -T 2 -O /dev/null http://127.0.0.1:8181/health ;;
  *) echo "unknown command $1" >&2; exit 1 ;;
esac
