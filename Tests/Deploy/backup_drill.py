#!/usr/bin/env python3
"""The drill of what goes wrong with backups: full disks, killed programs, two at a time, missing passphrases, storage that
refuses, hangs or redirects, foreign files, sessions that come back, gaps in the archive. Nothing that is not a whole backup
may look like one, and a restore that fails leaves the database as it was and can be repeated.

Usage: backup_drill.py --bin FOLDER [CASE...]
"""
import argparse
import glob
import hashlib
import http.server
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "..", ".."))
sys.path.insert(0, os.path.join(HERE, "..", "Faults"))
from object_storage import KEY, SECRET, Storage  # noqa: E402
from postgres_server import Server  # noqa: E402
from recovery_cases import RecoveryCases  # noqa: E402
from restore_cases import RestoreCases  # noqa: E402

class Drill(RestoreCases, RecoveryCases):
    def __init__(self, folder, options):
        self.folder, self.bin = folder, options.bin
        self.server = Server(folder, "server")
        self.backups = folder + "/back ups#1"
        self.passphrase = folder + "/passphrase"
        with open(self.passphrase, "w") as file:
            file.write("a passphrase of the drill\n")
        self.environment = {**os.environ, "CADRE_BACKUP_PASSPHRASE_FILE": self.passphrase, "AWS_ACCESS_KEY_ID": KEY,
                            "AWS_SECRET_ACCESS_KEY": SECRET, "CADRE_BACKUP_STALL_SECONDS": "1"}
        # The scripts write beside themselves.
        self.deploy = folder + "/deploy"
        shutil.copytree(ROOT + "/deploy", self.deploy, ignore=shutil.ignore_patterns("secrets", "backups", ".state", "sandbox"))

    def command(self, name, *arguments):
        return [f"{self.deploy}/{name}", *arguments]

    def script(self, name, *arguments, expected=0, **environment):
        done = subprocess.run(self.command(name, *arguments), env={**self.environment, **environment}, capture_output=True, text=True, timeout=120)
        assert (done.returncode == 0) == (expected == 0), (name, arguments, done.returncode, done.stdout, done.stderr)
        return done.stdout + done.stderr

    def backup(self, *arguments, to=None, **options):
        return self.script("backup", "--url", self.server.url(), "--to", to or self.backups, *arguments, **options)

    def files(self, pattern="cadre-*", folder=None):
        """What looks like a backup, or its checksum."""
        return sorted(glob.glob(glob.escape(folder or self.backups) + "/" + pattern))

    def emptied(self):
        shutil.rmtree(self.backups, ignore_errors=True)

    def one(self):
        self.emptied()
        self.backup()
        (file,) = self.files("cadre-dump-*.gpg")
        return file

    def restore(self, file, **options):
        return self.script("restore", file, "--url", self.server.url(), "--yes", **options)

    def databases(self):
        return set(self.server.sql("select datname from pg_database where not datistemplate").split())

    def url_of(self, database, server=None):
        return (server or self.server).url().removesuffix("cadre") + database

    def marked(self, text):
        self.server.sql(f"drop table if exists mark; create table mark as select '{text}' as name")

    def mark(self):
        return self.server.sql("select name from mark")

    # Backups.

    def case_names_and_modes(self):
        file = self.one()
        assert os.stat(file).st_mode & 0o777 == 0o600 and os.stat(self.backups).st_mode & 0o777 == 0o700
        assert open(file + ".sha256").read().split() == [hashlib.sha256(open(file, "rb").read()).hexdigest(), os.path.basename(file)]
        assert subprocess.run(["sha256sum", "--check", "--quiet", os.path.basename(file) + ".sha256"], cwd=self.backups).returncode == 0

    def case_full_disk(self):
        small = self.folder + "/small"
        os.mkdir(small)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40k", "tmpfs", small], capture_output=True).returncode != 0:
            print("full disk: passed over, for no file system may be mounted here")
            return
        try:
            self.backup(to=small, expected=1)
            assert os.listdir(small) in ([], [".lock"]), os.listdir(small)
        finally:
            subprocess.run(["umount", small], check=True)

    def case_killed(self):
        for which in (signal.SIGTERM, signal.SIGKILL):
            self.emptied()
            # The copy waits for a lock, so that it is killed in the midst.
            holder = subprocess.Popen(["psql", "-h", "127.0.0.1", "-p", str(self.server.port), "-U", "cadre", "-d", "cadre", "-qc",
                                       "begin; lock table mark in access exclusive mode; select pg_sleep(60)"])
            running = subprocess.Popen(self.command("backup", "--url", self.server.url(), "--to", self.backups), env=self.environment,
                                       start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            while self.server.sql("select count(*) from pg_stat_activity where application_name = 'pg_dump' and wait_event_type = 'Lock'") == "0":
                time.sleep(0.05)
            os.killpg(running.pid, which)
            running.wait()
            holder.kill()
            self.server.sql("select pg_terminate_backend(pid) from pg_stat_activity where query like 'begin; lock%'")
            assert self.files() == [], self.files()
            # What it has left goes with a later one.
            for left in os.listdir(self.backups):
                os.utime(f"{self.backups}/{left}", (0, 0))
            self.backup()
            assert len(self.files()) == 2 and not [one for one in os.listdir(self.backups) if one.startswith(".cadre")]

    def case_two_at_a_time(self):
        self.emptied()
        # All see the same second.
        tools = self.folder + "/tools"
        os.makedirs(tools, exist_ok=True)
        with open(tools + "/date", "w") as file:
            file.write("#!/bin/sh\necho 20261127T120000Z\n")
        os.chmod(tools + "/date", 0o755)
        environment = {**self.environment, "PATH": tools + ":" + os.environ["PATH"]}
        running = [subprocess.Popen(self.command("backup", "--url", self.server.url(), "--to", self.backups), env=environment,
                                    stdout=subprocess.DEVNULL) for _ in range(4)]
        assert [one.wait() for one in running] == [0, 0, 0, 0]
        files = self.files("cadre-dump-*.gpg")
        assert len(files) == 4, files
        for file in files:
            assert open(file + ".sha256").read().split()[0] == hashlib.sha256(open(file, "rb").read()).hexdigest()

    def case_passphrases(self):
        self.emptied()
        os.makedirs(self.deploy + "/secrets", exist_ok=True)
        kept = self.deploy + "/secrets/backup_passphrase"
        with open(kept, "w") as file:
            file.write("of earlier backups")
        for content in (None, "", "\n\nsecond line", "   \n"):
            path = self.folder + "/other"
            if content is not None:
                with open(path, "w") as file:
                    file.write(content)
            said = self.backup(expected=1, CADRE_BACKUP_PASSPHRASE_FILE=path)
            assert "passphrase" in said and self.files() == [], (content, said, self.files())
            if content is not None:
                os.remove(path)
        assert open(kept).read() == "of earlier backups"
        os.remove(kept)
        # Without any setting one is made, once.
        self.backup(CADRE_BACKUP_PASSPHRASE_FILE="")
        made = open(kept).read()
        self.backup(CADRE_BACKUP_PASSPHRASE_FILE="")
        assert len(made) == 64 and open(kept).read() == made

    def case_keep(self):
        self.emptied()
        os.makedirs(self.backups)
        names = ["cadre-dump-20250101T000000Z.pgdump.gpg", "cadre-dump-20250101T000000Z.pgdump.gpg.sha256", "cadre-dump-20250101T000000Z-2.pgdump.gpg",
                 "cadre-base-20250101T000000Z.tar.gz.gpg", "cadre-notes.gpg.txt", "cadre-dump-of-the-day.pgdump.gpg", "other.gpg"]
        for name in names:
            open(f"{self.backups}/{name}", "w").close()
            os.utime(f"{self.backups}/{name}", (0, 0))
        for wrong in ("abc", "0", "-1", "1.5", ""):
            self.backup("--keep", wrong, expected=1)
            assert len(self.files()) == len(names) - 1, (wrong, self.files())
        self.backup("--keep", "7")
        left = {os.path.basename(one) for one in self.files("*")}
        assert set(names[3:]) <= left and not set(names[:3]) & left and len(left) == 6, left

    def case_storage(self):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Storage)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        where = f"http://127.0.0.1:{server.server_port}/bucket/pre fix".replace(" ", "-")
        try:
            self.emptied()
            for behaviour, status in (("well", 0), ("fails once", 0), ("refuses", 1), ("redirects", 1), ("hangs", 1)):
                Storage.behaviour = behaviour
                before = len(Storage.objects)
                said = self.backup("--s3", where + "/", expected=status)
                assert (len(Storage.objects) > before) == (status == 0) and bool(re.search(r":\d\d sent to", said)) == (status == 0), (behaviour, said)
                assert SECRET not in said
            Storage.behaviour = "well"
            # Large ones go in pieces, and come back whole.
            Storage.put_max, Storage.objects = 30_000, {}
            self.emptied()
            self.marked("in pieces")
            self.backup("--s3", where, CADRE_BACKUP_PIECE_BYTES="30000")
            (file,) = self.files("cadre-dump-*.gpg")
            assert os.path.getsize(file) > 60_000 and f"/bucket/pre-fix/{os.path.basename(file)}.piece-2" in Storage.objects, sorted(Storage.objects)
            assert not glob.glob(self.backups + "/.cadre-piece*")
            self.emptied()
            self.marked("later")
            self.restore(f"{where}/{os.path.basename(file)}")
            assert self.mark() == "in pieces"
            # One that did not arrive whole has no checksum.
            shutil.rmtree(self.deploy + "/backups")
            del Storage.objects[f"/bucket/pre-fix/{os.path.basename(file)}.sha256"]
            assert "did not arrive whole" in self.restore(f"{where}/{os.path.basename(file)}", expected=1)
        finally:
            server.shutdown()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("cases", nargs="*")
    options = parser.parse_args()
    options.bin = os.path.abspath(options.bin)
    folder = tempfile.mkdtemp(prefix="cadre-backups-")
    os.chmod(folder, 0o777)
    drill = Drill(folder, options)
    failed = []
    try:
        drill.server.create()
        drill.server.sql("create schema orchestrator; create table orchestrator.schema_migrations (version int); "
                         "create table filler as select md5(n::text) || md5((n + 1)::text) as t from generate_series(1, 3000) n")
        drill.marked("first")
        for name in [one for one in dir(drill) if one.startswith("case_") and (not options.cases or one[5:] in options.cases)]:
            try:
                getattr(drill, name)()
                print(name[5:].replace("_", " ") + ": well", flush=True)
            except (AssertionError, SystemExit, subprocess.SubprocessError) as error:
                failed.append(name)
                where = traceback.extract_tb(error.__traceback__)
                lines = [f"{os.path.basename(one.filename)}:{one.lineno}" for one in where if one.filename.startswith(HERE)]
                print(f"{name[5:]}: lines {lines}: {type(error).__name__} {str(error)[:1500]} {getattr(error, 'stderr', '')}", flush=True)
        assert not failed, failed
    finally:
        drill.server.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
