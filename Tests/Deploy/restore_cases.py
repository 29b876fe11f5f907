"""Cases of backup_drill.py: what goes wrong with a restore."""

import os
import signal
import subprocess
import threading
import time


class RestoreCases:
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
