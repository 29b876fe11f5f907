"""Servers of Postgres and PgBouncer for drills, each with a folder and a port of its own."""

import glob
import os
import signal
import subprocess
import time

from stack import free_port

# A drill that a test has started has most signals blocked, and so would have all that it starts: nothing would heed SIGTERM.
signal.pthread_sigmask(signal.SIG_SETMASK, [])
POSTGRES = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]


def as_user(*command):
    """As root the servers run as the system's user for them."""
    return ("runuser", "-u", "postgres", "--", *command) if os.geteuid() == 0 else command


class Server:
    """A Postgres of its own."""

    def __init__(self, folder, name):
        self.data, self.port, self.name = f"{folder}/{name}", free_port(), name
        self.folder = folder

    def run(self, *command, **options):
        return subprocess.run(as_user(*command), check=True, capture_output=True, text=True, **options)

    def initdb(self):
        self.run(f"{POSTGRES}/initdb", "-D", self.data, "-U", "cadre", "-A", "trust", "--no-sync")
        with open(f"{self.data}/pg_hba.conf", "a") as file:
            file.write("host replication all 127.0.0.1/32 trust\n")

    def create(self, *settings):
        """Makes it, starts it, and gives it the database."""
        self.initdb()
        self.start(*settings)
        self.run("psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", "cadre", "-d", "postgres", "-qc", "create database cadre")

    def copy(self, primary):
        self.run(f"{POSTGRES}/pg_basebackup", "-h", "127.0.0.1", "-p", str(primary.port), "-U", "cadre", "-D", self.data, "-R", "-X", "stream")
        with open(f"{self.data}/postgresql.auto.conf") as file:
            text = file.read()
        with open(f"{self.data}/postgresql.auto.conf", "w") as file:
            # The standby is known to the primary by its name.
            file.write(text.replace("user=cadre", f"user=cadre application_name={self.name}"))

    def start(self, *settings):
        options = f"-c port={self.port} -c listen_addresses=127.0.0.1 -k {self.folder} -c max_connections=200 " + " ".join(f"-c {one}" for one in settings)
        self.run(f"{POSTGRES}/pg_ctl", "-D", self.data, "-w", "-t", "300", "-o", options, "-l", f"{self.data}.log", "start")

    def kill(self):
        with open(f"{self.data}/postmaster.pid") as file:
            pid = int(file.readline())
        # The postmaster and all of its children at once: the machine is gone.
        children = subprocess.run(["ps", "--ppid", str(pid), "-o", "pid="], capture_output=True, text=True).stdout.split()
        for one in [pid, *map(int, children)]:
            try:
                os.kill(one, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def promote(self):
        self.run(f"{POSTGRES}/pg_ctl", "-D", self.data, "-w", "promote")

    def stop(self):
        try:
            self.run(f"{POSTGRES}/pg_ctl", "-D", self.data, "-m", "fast", "stop")
        except subprocess.CalledProcessError:
            pass

    def url(self, query=""):
        return f"postgresql://cadre@127.0.0.1:{self.port}/cadre{query}"

    def sql(self, text):
        return self.sql_at("cadre", text)

    def sql_at(self, database, text):
        return subprocess.run(["psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", "cadre", "-d", database, "-XAtqc", text],
                              capture_output=True, text=True, check=True).stdout.strip()


class Pooler:
    """A PgBouncer in transaction mode in front of a server."""

    def __init__(self, folder, server, connections):
        self.port, self.folder, self.process = free_port(), folder, None
        with open(f"{folder}/users.txt", "w") as file:
            file.write('"cadre" ""\n')
        with open(f"{folder}/pgbouncer.ini", "w") as file:
            file.write(f"""[databases]
cadre = host=127.0.0.1 port={server.port} dbname=cadre user=cadre
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {self.port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users.txt
admin_users = cadre
pool_mode = transaction
default_pool_size = {connections}
max_client_conn = 500
""")

    def start(self):
        with open(f"{self.folder}/pgbouncer.log", "ab") as log:
            self.process = subprocess.Popen(as_user("pgbouncer", f"{self.folder}/pgbouncer.ini"), stdout=log, stderr=log,
                                            env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin"})
        limit = time.time() + 30
        while not self.show("version", check=False):
            assert time.time() < limit and self.process.poll() is None, open(f"{self.folder}/pgbouncer.log").read()
            time.sleep(0.1)

    def stop(self):
        if self.process is None:
            return
        # `runuser` passes this on.
        self.process.terminate()
        self.process.wait(30)
        self.process = None

    def show(self, what, check=True):
        done = subprocess.run(["psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", "cadre", "-d", "pgbouncer", "-XAtqc", f"show {what}"],
                              capture_output=True, text=True, check=check)
        return [line.split("|") for line in done.stdout.strip().splitlines()]

    def url(self):
        return f"postgresql://cadre@127.0.0.1:{self.port}/cadre"
