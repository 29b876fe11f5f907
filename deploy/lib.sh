# Shared by the scripts of this folder: finds the compose command, says what happens, waits for health.
deploy_folder=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
compose_file=${CADRE_COMPOSE_FILE:-$deploy_folder/docker-compose.prod.yml}
# A second file on top of it, such as docker-compose.redis-tls.yml.
compose_override=${CADRE_COMPOSE_OVERRIDE:-}
project=${CADRE_PROJECT:-cadre}
state=$deploy_folder/.state

say() { printf '%s %s\n' "$(date -u +%H:%M:%S)" "$*"; }
fail() { printf 'error: %s\n' "$*" >&2; exit 1; }

find_compose() {
  command -v docker > /dev/null || fail "docker is missing: install Docker Engine and its compose plugin"
  docker info > /dev/null 2>&1 || fail "the Docker engine does not answer: start it, or set DOCKER_HOST"
  if docker compose version > /dev/null 2>&1; then
    compose_command=(docker compose)
  elif command -v docker-compose > /dev/null; then
    compose_command=(docker-compose)
  else
    fail "neither \"docker compose\" nor docker-compose is there: install the compose plugin"
  fi
}

compose() { "${compose_command[@]}" -f "$compose_file" ${compose_override:+-f "$compose_override"} -p "$project" "$@"; }

# The containers of a service, running ones only.
containers() {
  docker ps -q --filter "label=com.docker.compose.project=$project" --filter "label=com.docker.compose.service=$1"
}

health() { docker inspect --format '{{if .State.Health}}{{.State.Health.Status}}{{else}}{{.State.Status}}{{end}}' "$1"; }

# wait_healthy SECONDS SERVICE...: until every container of these services is healthy. Prints the log of one that is not.
wait_healthy() {
  local seconds=$1 service id status limit pending
  shift
  limit=$(($(date +%s) + seconds))
  while :; do
    pending=""
    for service in "$@"; do
      local found=0
      for id in $(containers "$service"); do
        found=1
        status=$(health "$id")
        case $status in healthy | running) ;; *) pending="$pending $service($status)" ;; esac
      done
      [ $found = 1 ] || pending="$pending $service(absent)"
    done
    [ -n "$pending" ] || return 0
    if [ "$(date +%s)" -ge "$limit" ]; then
      echo "not healthy after $seconds seconds:$pending" >&2
      for service in $(printf '%s\n' $pending | sed 's/(.*//' | sort -u); do
        echo "--- last lines of $service" >&2
        compose logs --tail 15 "$service" >&2 || true
      done
      return 1
    fi
    sleep 1
  done
}

random() { openssl rand -hex "$1"; }

# write_secret NAME: from standard input, once; readable by the users inside of the containers, in a folder that is not.
write_secret() {
  [ -e "$secrets/$1" ] && { cat > /dev/null; return 0; }
  cat > "$secrets/$1.part"
  chmod 0444 "$secrets/$1.part"
  mv "$secrets/$1.part" "$secrets/$1"
  say "made secrets/$1"
}
