#!/usr/bin/env python3
"""The drill of what goes wrong with backups: full disks, killed programs, two at a time, missing passphrases, storage that
refuses, hangs or redirects, foreign files, sessions that come back, gaps in the archive. Nothing that is not a whole backup
may look like one, and a restore that fails leaves the database as it was and can be repeated.

Usage: backup_drill.py --bin FOLDER [CASE...]
"""
import argparse
import glob
import hashlib
import hmac
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
from postgres_server import Server, as_user  # noqa: E402

KEY, SECRET = "AKIDEXAMPLE", "wJalr/XUtnFEMI+K7MDENG"


class Storage(http.server.BaseHTTPRequestHandler):
    """What S3 does with a request: it checks the signature and the checksum of the body. `behaviour` makes it do otherwise."""

    protocol_version = "HTTP/1.1"
    objects, behaviour, put_max = {}, "well", 1 << 30

    def signed(self, body):
        found = re.match(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d+)/([^/]+)/s3/aws4_request, *SignedHeaders=([^,]+), *Signature=(\w+)",
                         self.headers.get("Authorization", ""))
        claimed = self.headers.get("x-amz-content-sha256")
        if not found or claimed != hashlib.sha256(body).hexdigest():
            return False
        _, day, region, names, signature = found.groups()
        canonical = "\n".join([self.command, self.path, ""] + [f"{name}:{self.headers[name].strip()}" for name in names.split(";")]
                              + ["", names, claimed])
        text = "\n".join(["AWS4-HMAC-SHA256", self.headers["x-amz-date"], f"{day}/{region}/s3/aws4_request",
                          hashlib.sha256(canonical.encode()).hexdigest()])
        key = ("AWS4" + SECRET).encode()
        for part in (day, region, "s3", "aws4_request"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest() == signature

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.behaviour == "hangs":
            time.sleep(30)
            return
        if self.behaviour == "redirects":
            return self.answer(301, b"<Error><Code>PermanentRedirect</Code></Error>", Location="http://127.0.0.1:1/")
        if self.behaviour == "refuses" or not self.signed(body):
            return self.answer(403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>")
        if len(body) > self.put_max:
            return self.answer(400, b"<Error><Code>EntityTooLarge</Code></Error>")
        if self.behaviour == "fails once":
            type(self).behaviour = "well"
            return self.answer(500)
        self.objects[self.path] = body
        self.answer(200)

    def do_GET(self):
        if not self.signed(b""):
            return self.answer(403)
        if self.path not in self.objects:
            return self.answer(404)
        self.answer(200, self.objects[self.path])

    def log_message(self, *_):
        pass


class Drill:
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

    # Restores.

    def case_urls(self):
        file = self.one()
        before = self.databases()
        for url in (f"host=127.0.0.1 port={self.server.port} dbname=cadre user=cadre", f"postgresql://cadre@127.0.0.1:{self.server.port}",
                    f"postgresql://cadre@127.0.0.1:{self.server.port}/", self.url_of("postgres")):
            said = self.script("restore", file, "--url", url, "--yes", expected=1)
            assert "error:" in said and self.databases() == before, (url, said, self.databases())

    def case_damaged_and_foreign_files(self):
        file = self.one()
        content = open(file, "rb").read()
        self.marked("untouched")
        before = self.databases()

        def refused(name, body, **environment):
            with open(f"{self.backups}/{name}", "wb") as out:
                out.write(body)
            self.restore(f"{self.backups}/{name}", expected=1, **environment)
            assert self.mark() == "untouched" and self.databases() == before, (name, self.databases())
        refused("cut.pgdump.gpg", content[:-100])
        refused("changed.pgdump.gpg", content[:5000] + bytes([content[5000] ^ 1]) + content[5001:])
        refused("empty.pgdump.gpg", b"")
        refused("plain.pgdump.gpg", b"PGDMP" + content)
        with open(self.passphrase, "rb") as _:
            noise = subprocess.run(["gpg", "--batch", "--symmetric", "--pinentry-mode", "loopback", "--passphrase-file", self.passphrase],
                                   input=b"no dump", capture_output=True, check=True).stdout
        refused("noise.pgdump.gpg", noise)
        # A whole dump, but of something else.
        self.server.run("createdb", "-h", "127.0.0.1", "-p", str(self.server.port), "-U", "cadre", "strange")
        subprocess.run(["psql", self.url_of("strange"), "-qc", "create table t (n int)"], check=True)
        folder = self.folder + "/strange"
        self.script("backup", "--url", self.url_of("strange"), "--to", folder)
        self.server.sql("drop database strange with (force)")
        refused("strange.pgdump.gpg", open(self.files("*.gpg", folder)[0], "rb").read())

    def case_sessions_that_come_back(self):
        """Services that nobody has stopped connect again at once, more quickly than the names are changed."""
        self.marked("at the backup")
        file = self.one()
        going = True

        def come_back():
            while going:
                subprocess.run(["psql", self.server.url(), "-qXc", "select pg_sleep(30)"], capture_output=True)
        threads = [threading.Thread(target=come_back) for _ in range(8)]
        for thread in threads:
            thread.start()
        try:
            for number in range(5):
                self.marked(f"later {number}")
                self.restore(file)
                assert self.mark() == "at the backup"
                kept = subprocess.run(["psql", self.url_of("cadre_before"), "-XAtqc", "select name from mark"],
                                      capture_output=True, text=True).stdout.strip()
                assert kept == f"later {number}", kept
        finally:
            going = False
            while any(thread.is_alive() for thread in threads):
                self.server.sql("select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep(30)%' and pid <> pg_backend_pid()")
                time.sleep(0.2)

    def case_restore_killed_anywhere(self):
        self.marked("at the backup")
        file = self.one()
        for delay in range(0, 30, 3):
            self.marked("newest")
            running = subprocess.Popen(self.command("restore", file, "--url", self.server.url(), "--yes"), env=self.environment,
                                       start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                running.wait(0.15 + delay / 20)
            except subprocess.TimeoutExpired:
                os.killpg(running.pid, signal.SIGKILL)
                running.wait()
            assert "cadre" in self.databases() and self.mark() in ("newest", "at the backup"), self.databases()
        self.marked("newest")
        self.restore(file)
        assert self.mark() == "at the backup" and self.databases() == {"postgres", "cadre", "cadre_before"}

    def case_restore_without_space(self):
        self.marked("at the backup")
        file = self.one()
        self.marked("newest")
        tools = self.folder + "/full"
        os.makedirs(tools, exist_ok=True)
        with open(tools + "/pg_restore", "w") as out:
            out.write("#!/bin/sh\nhead -c 2000 > /dev/null\necho 'could not extend file: No space left on device' >&2\nexit 1\n")
        os.chmod(tools + "/pg_restore", 0o755)
        said = self.restore(file, expected=1, PATH=tools + ":" + os.environ["PATH"])
        assert "No space left" in said and "is what it was" in said, said
        assert self.mark() == "newest" and "cadre_restoring" not in self.databases()

    def case_services_of_the_stack_come_back(self):
        """With the compose stack, whatever fails: services that were stopped are started again."""
        file = self.one()
        tools, log = self.folder + "/engine", self.folder + "/engine.log"
        os.makedirs(tools, exist_ok=True)
        with open(tools + "/docker", "w") as out:
            out.write(f"""#!/bin/bash
echo "$*" >> {log}
case "$1 $2" in
  "exec -i") shift 3; [ "$1" != pg_restore ] || [ ! -e {self.folder}/fail ] || exit 1
    export PGHOST=127.0.0.1 PGPORT={self.server.port}; exec "$@" ;;
  "ps -q") echo 0123456789ab ;;
  "inspect "*) echo healthy ;;
esac
""")
        os.chmod(tools + "/docker", 0o755)
        environment = {"PATH": tools + ":" + os.environ["PATH"]}
        for name in ("fail", "well"):
            open(log, "w").close()
            open(self.folder + "/fail", "w").close() if name == "fail" else os.remove(self.folder + "/fail")
            self.script("restore", file, "--yes", expected=0 if name == "well" else 1, **environment)
            lines = open(log).read().splitlines()
            stopped = [n for n, line in enumerate(lines) if " stop -t " in line]
            started = [n for n, line in enumerate(lines) if " up -d " in line]
            assert len(stopped) == len(started) == 1 and started[0] > stopped[0], (name, lines)

    # Recovery.

    def case_recovery(self):
        archive = self.folder + "/ar chive"
        os.mkdir(archive)
        os.chmod(archive, 0o777)
        command = re.search(r"archive_command = '(.*)'", open(ROOT + "/deploy/postgres/cadre.conf").read()).group(1).replace(
            "/var/lib/postgresql/archive/on", f'"{archive}"')
        server = Server(self.folder, "archiving")
        server.initdb()
        with open(server.data + "/postgresql.auto.conf", "a") as out:
            out.write(f"archive_mode = on\nwal_level = replica\narchive_command = '{command}'\n")
        server.start()
        made = []
        try:
            def archived():
                server.sql_at("postgres", "select pg_switch_wal()")
                while server.sql_at("postgres", "select exists (select from pg_ls_archive_statusdir() where name like '%.ready')") == "t":
                    time.sleep(0.1)
            server.sql_at("postgres", "create table mark (name text)")
            early = server.sql_at("postgres", "select now()")
            time.sleep(1.1)
            self.emptied()
            self.script("backup", "--base", "--url", self.url_of("postgres", server), "--to", self.backups)
            (file,) = self.files("cadre-base-*.gpg")
            moments = []
            for name in ("one", "two", "three"):
                server.sql_at("postgres", f"insert into mark values ('{name}')")
                archived()
                time.sleep(0.2)
                moments.append(server.sql_at("postgres", "select now()"))
                time.sleep(0.2)
            server.sql_at("postgres", "insert into mark values ('four')")
            archived()
            # A server that dies between a copy and its note of it makes the copy again; that must not stop the archive.
            segment = sorted(one for one in os.listdir(archive) if re.fullmatch("[0-9A-F]{24}", one))[-1]
            again = command.replace("%p", f"{archive}/{segment}".replace(" ", "\\ ")).replace("%f", segment)
            assert subprocess.run(["sh", "-c", again]).returncode == 0, "a segment that is archived already is refused"
            other = self.folder + "/other-segment"
            open(other, "w").write("another")
            assert subprocess.run(["sh", "-c", command.replace("%p", other).replace("%f", segment)]).returncode != 0, "a segment was replaced"

            def recover(name, *arguments, start=True, **options):
                new = Server(self.folder, name)
                said = self.script("recover", file, "--into", new.data, "--wal", archive, *arguments, **options)
                if options.get("expected", 0) or not start:
                    return said
                subprocess.run(["chown", "-R", "postgres", new.data]) if os.geteuid() == 0 else None
                made.append(new)
                new.start("archive_mode=" + ("on" if name == "first" else "off"))
                while new.sql_at("postgres", "select pg_is_in_recovery()") == "t":
                    time.sleep(0.1)
                return new.sql_at("postgres", "select string_agg(name, ' ' order by ctid) from mark")
            assert "before this copy" in recover("none", "--time", early, expected=1) and not os.path.exists(self.folder + "/none/PG_VERSION")
            assert recover("first", "--time", moments[0]) == "one"
            # That one stopped too early; it has begun a history of its own and archived it.
            made[0].sql_at("postgres", "insert into mark values ('own'); select pg_switch_wal()")
            while made[0].sql_at("postgres", "select exists (select from pg_ls_archive_statusdir() where name like '%.ready')") == "t":
                time.sleep(0.1)
            assert recover("second", "--time", moments[1], "--timeline", "current") == "one two"
            assert recover("third", "--timeline", "current") == "one two three four"
            # A time in another zone, and words that the server does not know, are the same moment.
            assert recover("fourth", "--time", subprocess.run(
                ["date", "-d", moments[1], "+%Y-%m-%dT%H:%M:%S.%N%:z"], env={**os.environ, "TZ": "Asia/Kolkata"}, capture_output=True,
                text=True).stdout.strip(), "--timeline", "1") == "one two"
            # One that was killed while it unpacked left nothing that a server would start on, and is repeated.
            left = Server(self.folder, "left").data
            os.makedirs(left + "/.unpacking/base")
            recover("left", "--timeline", "current", start=False)
            assert os.path.exists(left + "/PG_VERSION") and not os.path.exists(left + "/.unpacking")
            # Without the archive the server does not take writes as if that were the end.
            shutil.rmtree(left)
            recover("left", "--timeline", "current", start=False)
            subprocess.run(["chown", "-R", "postgres", left]) if os.geteuid() == 0 else None
            os.rename(archive, archive + ".away")
            gone = Server(self.folder, "left")
            try:
                gone.start("archive_mode=off")
                raise SystemExit("a server without its archive ended the recovery: " + str(gone.sql_at("postgres", "select pg_is_in_recovery()")))
            except subprocess.CalledProcessError:
                pass
            os.rename(archive + ".away", archive)
            # A gap is seen before, and not after.
            inner = sorted(one for one in os.listdir(archive) if re.fullmatch("00000001[0-9A-F]{16}", one))[-2]
            os.rename(f"{archive}/{inner}", self.folder + "/" + inner)
            assert "has a gap" in recover("gap", "--timeline", "current", expected=1)
            assert not os.path.exists(self.folder + "/gap/PG_VERSION")
            assert recover("gap", "--timeline", "current", "--up-to-gap") == "one two"
        finally:
            for one in made:
                one.stop()
            server.stop()


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
                lines = [one.lineno for one in where if one.filename == os.path.abspath(__file__)]
                print(f"{name[5:]}: lines {lines}: {type(error).__name__} {str(error)[:1500]} {getattr(error, 'stderr', '')}", flush=True)
        assert not failed, failed
    finally:
        drill.server.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
