"""Cases of backup_drill.py: what goes wrong with a recovery to a point in time."""

import os
import re
import shutil
import subprocess
import time

from postgres_server import Server


class RecoveryCases:
    def case_recovery(self):
        archive = self.folder + "/ar chive"
        os.mkdir(archive)
        os.chmod(archive, 0o777)
        command = re.search(r"archive_command = '(.*)'", open(self.deploy + "/postgres/cadre.conf").read()).group(1).replace(
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
