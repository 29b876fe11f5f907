# Shared by the scripts of this folder: finds the compose command, says what happens, waits for health.
deploy_folder=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
compose_file=${CADRE_COMPOSE_FILE:-$deploy_folder/docker-compose.prod.yml}
# Files on top of it, such as docker-compose.redis-tls.yml, separated by colons.
compose_files=(-f "$compose_file")
IFS=: read -r -a compose_overrides <<< "${CADRE_COMPOSE_OVERRIDE:-}"
for override in "${compose_overrides[@]}"; do compose_files+=(-f "$override"); done
has_override() { local one; for one in "${compose_overrides[@]}"; do [ "${one##*/}" != "docker-compose.$1.yml" ] || return 0; done; return 1; }
# PgBouncer and TLS to Postgres both say how services reach Postgres: together it takes a file that says it for both.
if has_override pgbouncer && has_override postgres-tls && ! has_override pgbouncer-tls; then
  compose_files+=(-f "$deploy_folder/docker-compose.pgbouncer-tls.yml")
fi
project=${CADRE_PROJECT:-cadre}
state=$deploy_folder/.state
secrets=$deploy_folder/secrets

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

compose() { "${compose_command[@]}" "${compose_files[@]}" -p "$project" "$@"; }

# The containers of a service, running ones only, without those that do one thing and end (migrations).
containers() {
  docker ps -q --filter "label=com.docker.compose.project=$project" --filter "label=com.docker.compose.service=$1" \
    --filter "label=com.docker.compose.oneoff=False"
}

# Those of a service that have ended or were never started.
ended_containers() {
  docker ps -aq --filter status=exited --filter status=created --filter status=dead --filter "label=com.docker.compose.project=$project" \
    --filter "label=com.docker.compose.service=$1" --filter "label=com.docker.compose.oneoff=False"
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
        # By the engine, which knows the log of a container that has ended, or starts again and again, too.
        for id in $(docker ps -aq --filter "label=com.docker.compose.project=$project" \
          --filter "label=com.docker.compose.service=$service" --filter "label=com.docker.compose.oneoff=False"); do
          echo "--- last lines of $service ($(docker inspect --format '{{.State.Status}}' "$id"))" >&2
          docker logs --tail 15 "$id" >&2 || true
        done
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

# migrate VERSION SERVICE...: brings the schemas of these services to the version of their images, each in a container of its
# own that serves nobody. Services that run meanwhile go on: migrations only add. Prints the log of one that fails.
migrate_seconds_max=7200
migrate() {
  local version=$1 service log status
  shift
  log=$(mktemp)
  for service in "$@"; do
    say "bringing the schema of $service to version $version"
    status=0
    CADRE_VERSION=$version timeout "$migrate_seconds_max" "${compose_command[@]}" "${compose_files[@]}" \
      -p "$project" run --rm --no-deps -T "$service" --migrate > "$log" 2>&1 || status=$?
    if [ $status != 0 ]; then
      echo "--- $service --migrate ended with $status$([ $status != 124 ] || echo " after $migrate_seconds_max seconds"); its last lines:" >&2
      tail -n 15 "$log" >&2
      rm -f "$log"
      return 1
    fi
  done
  rm -f "$log"
}

# monitor_role: makes the role of the Postgres exporter, or sets its password anew. The password goes by standard input.
monitor_role() {
  local id password
  id=$(containers postgres | head -1)
  [ -n "$id" ] || { echo "the container postgres does not run" >&2; return 1; }
  password=$(sed "s/[\\\\']/\\\\&/g" "$secrets/postgres_monitor_password")
  { printf "\\\\set password '%s'\n" "$password"; cat "$deploy_folder/postgres/monitor.sql"; } \
    | docker exec -i "$id" psql --quiet --no-psqlrc --username=cadre --dbname=cadre
}
