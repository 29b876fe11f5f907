#!/usr/bin/env python3
"""The TLS drill: a whole stack talks to Postgres with sslmode=verify-full. A certificate of another authority, one for
another name and a server without TLS are refused, and the log says what to do. The same through PgBouncer with the shipped
configuration, which speaks TLS on both of its sides.

Usage: tls_drill.py --bin FOLDER
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "Faults"))
from postgres_server import Server, as_user, free_port  # noqa: E402
from stack import Stack  # noqa: E402


def certificates(folder):
    """An authority with a certificate for `localhost`, and an authority that has nothing to do with it."""
    def openssl(*arguments):
        subprocess.run(as_user("openssl", *arguments), check=True, capture_output=True, cwd=folder)
    for name in ("authority", "stranger"):
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.crt")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.csr")
    with open(f"{folder}/names", "w") as file:
        file.write("subjectAltName=DNS:localhost\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "authority.crt", "-CAkey", "authority.key", "-CAcreateserial", "-days", "2",
            "-extfile", "names", "-out", "server.crt")
    openssl("x509", "-in", "server.crt", "-noout")
    os.chmod(f"{folder}/server.key", 0o600)


def until(condition, what, seconds=90):
    limit = time.time() + seconds
    while not condition():
        assert time.time() < limit, what
        time.sleep(0.1)


def refused(options, stack, url, words):
    """Starts an orchestrator of its own; its log must say `words`, and it must not become ready."""
    orchestrator = next(pid for name, pid in stack.children() if name == "orchestrator")
    environment = {**stack.environment(orchestrator), "CADRE_POSTGRES_URL": url, "CADRE_HTTP_PORT": "0", "CADRE_ADMIN_PORT": "0"}
    process = subprocess.Popen([options.bin + "/orchestrator"], env=environment, stderr=subprocess.PIPE, text=True)
    try:
        for line in process.stderr:
            said = json.loads(line)
            assert said["message"] != "ready", "it has connected"
            if said["message"] == "not ready yet":
                assert all(word in said["reason"] for word in words), said
                return
        raise AssertionError("it ended without a word")
    finally:
        process.terminate()
        process.wait(60)


def psql(url, text):
    return subprocess.run(["psql", url, "-XAtqc", text], capture_output=True, text=True)


def start_pooler(folder, server, port, authority="authority.crt"):
    """PgBouncer with the file of deploy/pgbouncer, in which places and ports alone are others."""
    places = {
        "host=postgres port=5432": f"host=localhost port={server.port}", "listen_port = 6432": f"listen_port = {port}",
        "listen_addr = 0.0.0.0": "listen_addr = 127.0.0.1", "/run/secrets/pgbouncer_users": f"{folder}/users.txt",
        "/run/secrets/pgbouncer_crt": f"{folder}/server.crt", "/run/secrets/pgbouncer_key": f"{folder}/server.key",
        "/run/secrets/postgres_ca_crt": f"{folder}/{authority}"}
    with open(f"{HERE}/../../deploy/pgbouncer/pgbouncer-tls.ini") as file:
        text = file.read()
    for old, new in places.items():
        assert old in text, old
        text = text.replace(old, new)
    assert "/run/secrets" not in text, text
    with open(f"{folder}/pgbouncer.ini", "w") as file:
        file.write(text)
    with open(f"{folder}/users.txt", "w") as file:
        file.write('"cadre" "word"\n')
    with open(f"{folder}/pgbouncer.log", "ab") as log:
        return subprocess.Popen(as_user("pgbouncer", f"{folder}/pgbouncer.ini"), stdout=log, stderr=log,
                                env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin"})


def refuses(folder, server, url):
    """PgBouncer refuses a server that another authority vouches for: nobody gets a session, and its log says why."""
    port = free_port()
    pooler = start_pooler(folder, server, port, "stranger.crt")

    def is_said():
        assert psql(url(port) + "&connect_timeout=3", "select 1").returncode != 0
        with open(f"{folder}/pgbouncer.log") as log:
            return "certificate verify failed" in log.read()
    try:
        until(is_said, "PgBouncer refuses the server", 60)
    finally:
        pooler.terminate()
        pooler.wait(30)


def through_pooler(options, folder, server):
    port = free_port()
    stack, pooler = None, start_pooler(folder, server, port)
    try:
        def url(query):
            return f"postgresql://cadre:word@localhost:{port}/cadre?{query}"
        good = f"sslmode=verify-full&sslrootcert={folder}/authority.crt"
        until(lambda: psql(url(good), "select 1").stdout == "1\n" or pooler.poll() is not None, f"PgBouncer answers: {folder}/pgbouncer.log", 30)
        assert pooler.poll() is None, open(f"{folder}/pgbouncer.log").read()
        plain = psql(url("sslmode=disable"), "select 1")
        assert plain.returncode != 0 and "SSL required" in plain.stderr, plain
        refuses(folder, server, lambda other: url(good).replace(f":{port}/", f":{other}/"))
        stranger = psql(url(f"sslmode=verify-full&sslrootcert={folder}/stranger.crt"), "select 1")
        assert stranger.returncode != 0 and "certificate verify failed" in stranger.stderr, stranger
        direct = f"postgresql://cadre@localhost:{server.port}/cadre?{good}"
        options.set = [f"{service}.CADRE_POSTGRES_{name}={value}" for service in ("orchestrator", "llm-router", "gateway")
                       for name, value in (("URL", url(good)), ("POOLER", "transaction"), ("DIRECT_URL", direct))]
        stack = Stack(options)
        status, made = stack.call("POST", "/api/v1/tasks", {"input": {"prompt": "hello"}}, {"Prefer": "wait=60"})
        assert status == 200 and made["status"] == "succeeded", (status, made)
        pools = psql(url(good).replace("/cadre?", "/pgbouncer?"), "show pools")
        assert "cadre|cadre|" in pools.stdout, pools
        # Clients verify PgBouncer, so those are by TLS; here it is what PgBouncer says to the server.
        count = psql(f"host={folder} port={server.port} user=cadre dbname=cadre",
                     "select count(*) filter (where s.ssl), count(*) filter (where not s.ssl and a.client_addr is not null) "
                     "from pg_stat_ssl s join pg_stat_activity a using (pid)").stdout
        secured, others = map(int, count.strip().split("|"))
        assert secured >= 2 and others == 0, count
        return secured
    finally:
        if stack:
            stack.stop()
            shutil.rmtree(stack.folder, ignore_errors=True)
        pooler.terminate()
        pooler.wait(30)


def drill(options, folder):
    server = Server(folder, "server")
    stack = None
    try:
        certificates(folder)
        server.create("ssl=on", f"ssl_cert_file={folder}/server.crt", f"ssl_key_file={folder}/server.key")
        # Nobody may come without TLS.
        with open(f"{server.data}/pg_hba.conf", "w") as file:
            file.write("local all all trust\nhostssl all all 127.0.0.1/32 trust\n")
        server.run("psql", "-h", folder, "-p", str(server.port), "-U", "cadre", "-d", "cadre", "-qc", "select pg_reload_conf()")

        def url(host, authority):
            return f"postgresql://cadre@{host}:{server.port}/cadre?sslmode=verify-full&sslrootcert={folder}/{authority}"
        good = url("localhost", "authority.crt")
        options.set = [f"{service}.CADRE_POSTGRES_URL={good}" for service in ("orchestrator", "llm-router", "gateway")]
        stack = Stack(options)
        status, made = stack.call("POST", "/api/v1/tasks", {"input": {"prompt": "hello"}}, {"Prefer": "wait=60"})
        assert status == 200 and made["status"] == "succeeded", (status, made)
        plain = subprocess.run(["psql", "-h", folder, "-p", str(server.port), "-U", "cadre", "-d", "cadre", "-XAtqc",
                                "select count(*) filter (where s.ssl and s.version = 'TLSv1.3'), count(*) filter (where not s.ssl) from pg_stat_ssl s "
                                "join pg_stat_activity a using (pid) where a.application_name like 'cadre-%'"], capture_output=True, text=True, check=True)
        secured, others = map(int, plain.stdout.strip().split("|"))
        assert secured >= 8 and others == 0, plain.stdout

        refused(options, stack, url("localhost", "stranger.crt"), ["not signed by an authority", "sslrootcert"])
        refused(options, stack, url("127.0.0.1", "authority.crt"), ["certificate is for another name"])
        refused(options, stack, url("localhost", "missing.crt"), ["no root certificate", "sslrootcert"])
        plaintext = Server(folder, "plaintext")
        plaintext.create("ssl=off")
        try:
            refused(options, stack, f"postgresql://cadre@localhost:{plaintext.port}/cadre?sslmode=verify-full&sslrootcert={folder}/authority.crt",
                    ["the server has none", "ssl = on"])
        finally:
            plaintext.stop()
        stack.stop()
        shutil.rmtree(stack.folder, ignore_errors=True)
        stack = None
        pooled = through_pooler(options, folder, server)
        print(f"through PgBouncer {pooled} sessions by TLS, none without; a client without it is refused")
        print(f"{secured} connections by TLS 1.3, none without; four wrong ones refused, each with what to do")
    finally:
        if stack:
            stack.stop()
            shutil.rmtree(stack.folder, ignore_errors=True)
        server.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    options = parser.parse_args()
    options.bin, options.replicas = os.path.abspath(options.bin), 1
    folder = tempfile.mkdtemp(prefix="cadre-tls-")
    os.chmod(folder, 0o777)
    try:
        drill(options, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
