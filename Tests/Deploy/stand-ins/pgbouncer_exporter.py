#!/usr/bin/env python3
"""What the stack uses of the exporter of PgBouncer of the Prometheus community: the same names, from the same console."""
import http.server
import os

import psycopg2

POOLS = {
    "cl_active": "client_active_connections", "cl_waiting": "client_waiting_connections", "maxwait": "client_maxwait_seconds",
    "sv_active": "server_active_connections", "sv_idle": "server_idle_connections", "sv_used": "server_used_connections",
}
LISTS = {"used_clients", "used_servers", "free_clients", "free_servers"}


def rows(cursor, what):
    cursor.execute(f"show {what}")
    names = [one.name for one in cursor.description]
    return [dict(zip(names, row)) for row in cursor.fetchall()]


def figures():
    connection = psycopg2.connect(os.environ["PGBOUNCER_EXPORTER_CONNECTION_STRING"], connect_timeout=3)
    try:
        connection.autocommit = True
        cursor = connection.cursor()
        for pool in rows(cursor, "pools"):
            for column, name in POOLS.items():
                yield f'pgbouncer_pools_{name}{{database="{pool["database"]}",user="{pool["user"]}"}} {pool[column]}'
        for one in rows(cursor, "databases"):
            yield f'pgbouncer_databases_pool_size{{name="{one["name"]}"}} {one["pool_size"]}'
        for one in rows(cursor, "lists"):
            if one["list"] in LISTS:
                yield f'pgbouncer_{one["list"]} {one["items"]}'
        for one in rows(cursor, "config"):
            if one["key"] == "max_client_conn":
                yield f'pgbouncer_config_max_client_connections {one["value"]}'
    finally:
        connection.close()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            lines = [*figures(), "pgbouncer_up 1"]
        except psycopg2.Error as error:
            print(error, flush=True)
            lines = ["pgbouncer_up 0"]
        body = "".join(f"{line}\n" for line in lines).encode()
        self.send_response(200)
        self.send_header("content-type", "text/plain; version=0.0.4")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("0.0.0.0", 9127), Handler).serve_forever()
