#!/usr/bin/env python3
"""Makes the role of the Postgres exporter on a server of its own and checks what it may do, and what not. With Debian's
prometheus-postgres-exporter installed it also checks that the exporter says as much as it does with the owner's role.

Usage: monitor_role.py
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "..", ".."))
sys.path[:0] = [os.path.join(HERE, "..", "Faults"), os.path.join(HERE, "..", "Support")]
from ports import free_port  # noqa: E402
from postgres_server import Server  # noqa: E402

PASSWORD = "it's \\ a secret"


def psql(server, *arguments, user="cadre", password=None, text=None):
    return subprocess.run(["psql", "-h", "127.0.0.1", "-p", str(server.port), "-U", user, "-d", "cadre", "-XAtqw", *arguments], input=text,
                          capture_output=True, text=True, env={**os.environ, **({"PGPASSWORD": password} if password else {})})


def make_role(server, password):
    """As deploy/lib.sh does: the password goes by standard input."""
    quoted = password.replace("\\", "\\\\").replace("'", "\\'")
    with open(f"{ROOT}/deploy/postgres/monitor.sql") as file:
        done = psql(server, text=f"\\set password '{quoted}'\n" + file.read())
    assert done.returncode == 0, done.stderr


def exported(server, user, password):
    """Names of the series of an exporter that has this role."""
    port = free_port()
    # As in the compose stack: the password is read from a file.
    with open(f"{server.folder}/password", "w") as file:
        file.write(password or "none")
    program = subprocess.Popen(["prometheus-postgres-exporter", f"--web.listen-address=127.0.0.1:{port}"], env={
        **os.environ, "DATA_SOURCE_URI": f"127.0.0.1:{server.port}/cadre?sslmode=disable", "DATA_SOURCE_USER": user,
        "DATA_SOURCE_PASS_FILE": f"{server.folder}/password"}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        limit = time.time() + 60
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
                    text = answer.read().decode()
                break
            except OSError:
                assert time.time() < limit and program.poll() is None, "the exporter does not start"
                time.sleep(0.1)
    finally:
        program.terminate()
        program.wait(30)
    assert "\npg_up 1\n" in text, f"{user} cannot be used by the exporter"
    return set(re.findall(r"^(pg_\w+)", text, re.M))


def main():
    folder = tempfile.mkdtemp(prefix="cadre-monitor-")
    os.chmod(folder, 0o777)
    server = Server(folder, "primary")
    try:
        server.initdb()
        with open(f"{server.data}/pg_hba.conf") as file:
            rules = file.read()
        with open(f"{server.data}/pg_hba.conf", "w") as file:
            file.write("host all cadre_monitor 127.0.0.1/32 scram-sha-256\n" + rules)
        server.start("log_statement=all", "log_min_duration_statement=0")
        server.run("psql", "-h", "127.0.0.1", "-p", str(server.port), "-U", "cadre", "-d", "postgres", "-qc", "create database cadre")
        server.sql("create schema orchestrator; create table orchestrator.run (id int); insert into orchestrator.run values (1)")
        make_role(server, "another one")
        # Once more with another password, as after a change of the secret.
        make_role(server, PASSWORD)

        def asked(sql, password=PASSWORD):
            return psql(server, "-c", sql, user="cadre_monitor", password=password)

        assert asked("select count(*) from pg_stat_activity").returncode == 0
        # What only members of pg_monitor see.
        assert asked("select current_setting('data_directory')").stdout.strip() == server.data
        assert asked("select count(*) from pg_ls_waldir()").returncode == 0
        for refused in ("select * from orchestrator.run", "create schema mine", "create table public.mine (id int)", "create role other",
                        "alter role cadre_monitor superuser", "copy (select 1) to program 'true'", "select pg_read_file('PG_VERSION')"):
            assert asked(refused).returncode != 0, f"it may: {refused}"
        for wrong in ("another one", "wrong"):
            assert asked("select 1", wrong).returncode != 0, "any password is good"
        with open(f"{server.data}.log") as file:
            log = file.read()
        found = [line for line in log.splitlines() if "password '" in line or "another one" in line or "a secret" in line]
        assert not found, f"the password is in the server's log: {found}"
        if shutil.which("prometheus-postgres-exporter"):
            # Exporters cannot be given every password; deploy/make-secrets makes hexadecimal ones.
            make_role(server, "0123456789abcdef")
            missing = exported(server, "cadre", None) - exported(server, "cadre_monitor", "0123456789abcdef")
            assert not missing, f"not seen by the role: {sorted(missing)}"
        print("the role of the exporter is right")
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
