#!/usr/bin/env python3
"""The recovery drill: everything is deleted by mistake, and a base backup with the archived WAL brings back the moment
before. Tasks are whole, runs that were open go on. With --measure: a base backup of a server that
runs, and its recovery into a new one.

Usage: recovery_drill.py --bin FOLDER [--tasks N] | --measure PORT WAL_ARCHIVE [--update SQL]
"""
import argparse
import glob
import os
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
sys.path.insert(0, os.path.join(HERE, "..", "Faults"))
from postgres_server import Server  # noqa: E402
from stack import Stack  # noqa: E402

WORKFLOW = {"name": "drill", "steps": [
    {"key": "before", "input": {"prompt": "before {{input.n}}"}},
    {"key": "wait", "type": "signal", "signal": "go", "depends_on": ["before"]},
    {"key": "after", "input": {"prompt": "after {{input.n}}"}, "depends_on": ["wait"]}]}


def until(condition, what, seconds=90):
    limit = time.time() + seconds
    while not condition():
        assert time.time() < limit, what
        time.sleep(0.1)


def archiving(archive):
    return ["archive_mode=on", f"archive_command='test ! -f {archive}/%f && cp %p {archive}/%f.part && mv {archive}/%f.part {archive}/%f'",
            "wal_level=replica"]


class Backups:
    def __init__(self, folder):
        self.folder = folder + "/backups"
        with open(folder + "/passphrase", "w") as file:
            file.write("a passphrase of the drill")
        self.environment = {**os.environ, "CADRE_BACKUP_PASSPHRASE_FILE": folder + "/passphrase"}

    def script(self, name, *arguments, expected=0):
        done = subprocess.run([f"{ROOT}/deploy/{name}", *arguments], env=self.environment, capture_output=True, text=True)
        assert done.returncode == expected, (name, done.returncode, done.stdout, done.stderr)
        return done.stdout + done.stderr

    def base(self, server):
        self.script("backup", "--base", "--url", f"postgresql://cadre@127.0.0.1:{server.port}/postgres", "--to", self.folder)
        return sorted(glob.glob(self.folder + "/cadre-base-*.gpg"))[-1]


def in_recovery(server):
    return server.sql("select pg_is_in_recovery()") == "t"


def archived(server):
    return server.sql("select not exists (select from pg_ls_archive_statusdir() where name like '%.ready')") == "t"


def drill(options, folder):
    archive = folder + "/archive"
    os.mkdir(archive)
    os.chmod(archive, 0o777)
    server, recovered, backups = Server(folder, "server"), Server(folder, "recovered"), Backups(folder)
    recovered.port = server.port
    stack = None
    try:
        server.create(*archiving(archive))
        options.set = [f"{service}.CADRE_POSTGRES_URL={server.url()}" for service in ("orchestrator", "llm-router", "gateway")]
        stack = Stack(options)

        def submit(number, workflow=None):
            body = {"input": {"prompt": f"task {number}", "n": number}, **({"workflow": workflow} if workflow else {})}
            status, made = stack.call("POST", "/api/v1/tasks", body)
            assert status in (200, 201, 202), (status, made)
            return made["id"]

        def ended(tasks):
            return all(stack.call("GET", f"/api/v1/tasks/{task}")[1].get("status") == "succeeded" for task in tasks)
        assert stack.call("POST", "/api/v1/workflows", WORKFLOW)[0] in (200, 201)
        early = [submit(number) for number in range(options.tasks)]
        file = backups.base(server)
        # What comes after the base backup is in the archived WAL alone.
        late = [submit(number) for number in range(options.tasks)]
        open_ = [submit(number, "drill") for number in range(5)]
        until(lambda: ended(early + late), "tasks end")
        until(lambda: server.sql("select count(*) from orchestrator.run where status = 'running'") == "5", "runs wait")
        time.sleep(1)
        moment = server.sql("select now()")
        time.sleep(1)
        # The mistake.
        server.sql("delete from orchestrator.task; delete from orchestrator.run; delete from llm_router.call")
        assert stack.call("GET", f"/api/v1/tasks/{late[0]}")[0] == 404
        lost = submit(1000)
        server.sql("select pg_switch_wal()")
        until(lambda: archived(server), "the WAL is archived")

        began = time.time()
        server.stop()
        assert "not empty" in backups.script("recover", file, "--into", server.data, "--wal", archive, expected=1)
        assert "no time" in backups.script("recover", file, "--into", recovered.data, "--wal", archive, "--time", "yesterweek", expected=1)
        backups.script("recover", file, "--into", recovered.data, "--wal", archive, "--time", moment)
        recovered.start()
        until(lambda: not in_recovery(recovered), "the recovery ends")
        took = time.time() - began
        # The services have found it by themselves.
        until(lambda: stack.call("GET", f"/api/v1/tasks/{late[0]}")[0] == 200, "the stack serves again")
        assert ended(early + late), "tasks are whole"
        assert stack.call("GET", f"/api/v1/tasks/{lost}")[0] == 404
        calls = int(recovered.sql("select count(*) from llm_router.call"))
        assert calls >= 2 * options.tasks, calls
        for task in open_:
            run = stack.call("GET", f"/api/v1/tasks/{task}")[1]["run"]["id"]
            until(lambda: stack.call("POST", f"/api/v1/runs/{run}/signals", {"name": "go", "id": "drill"})[0] in (200, 202, 204), "a signal is taken")
        until(lambda: ended(open_), "open runs go on")
        print(f"{len(early + late)} tasks and {calls} rows of the ledger that were deleted are back, {len(late)} of the tasks from archived WAL alone; "
              f"{len(open_)} open runs went on; {took:.1f} s from stop to writes")
    finally:
        if stack:
            stack.stop()
            shutil.rmtree(stack.folder, ignore_errors=True)
        recovered.stop()
        server.stop()


def measure(options, folder):
    server, recovered, backups = Server(folder, "unused"), Server(folder, "recovered"), Backups(folder)
    server.port = int(options.measure[0])
    archive = options.measure[1]
    size = int(server.sql("select sum(pg_database_size(oid)) from pg_database")) / 1e9
    began = time.time()
    file = backups.base(server)
    backup = time.time() - began
    print(f"base backup of {size:.2f} GB in {backup:.0f} s, {backup / size:.0f} s for each GB; the file has {os.path.getsize(file) / 1e9:.2f} GB", flush=True)
    start = server.sql("select pg_current_wal_lsn()")
    if options.update:
        server.sql(options.update)
    server.sql("select pg_switch_wal()")
    logged = int(server.sql(f"select (pg_current_wal_lsn() - '{start}'::pg_lsn)::int8")) / 1e9
    until(lambda: archived(server), "the WAL is archived", 600)
    began = time.time()
    backups.script("recover", file, "--into", recovered.data, "--wal", archive)
    unpacked = time.time() - began
    recovered.start("shared_buffers=512MB", "max_wal_size=4GB")
    try:
        until(lambda: not in_recovery(recovered), "the recovery ends", 3600)
        took = time.time() - began
        print(f"unpacked in {unpacked:.0f} s ({unpacked / size:.0f} s for each GB); {logged:.2f} GB of WAL replayed in {took - unpacked:.0f} s; {took:.0f} s in all")
    finally:
        recovered.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin")
    parser.add_argument("--tasks", type=int, default=50)
    parser.add_argument("--measure", nargs=2, metavar=("PORT", "WAL_ARCHIVE"))
    parser.add_argument("--update", help="what is to be in the WAL")
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="cadre-recovery-")
    os.chmod(folder, 0o777)
    if os.geteuid() == 0:
        # The recovered folder belongs to the owner of the one above.
        shutil.chown(folder, "postgres", "postgres")
    try:
        if options.measure:
            measure(options, folder)
        else:
            options.bin, options.replicas = os.path.abspath(options.bin), 1
            drill(options, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
