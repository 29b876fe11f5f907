#!/usr/bin/env python3
"""The restore drill: a loaded stack is backed up, goes on, and is put back. Every table is then equal row for row to what
it was at the backup, what came later is gone, and runs that were open at the backup go on to their end.

Usage: restore_drill.py --bin FOLDER [--tasks N]
"""
import argparse
import glob
import os
import shutil
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
sys.path.insert(0, os.path.join(HERE, "..", "Faults"))
from stack import Stack  # noqa: E402

SERVICES = {"gateway", "orchestrator", "llm-router", "agent-core"}
WORKFLOW = {"name": "drill", "steps": [
    {"key": "before", "input": {"prompt": "before {{input.n}}"}},
    {"key": "wait", "type": "signal", "signal": "go", "depends_on": ["before"]},
    {"key": "after", "input": {"prompt": "after {{input.n}}"}, "depends_on": ["wait"]}]}


class Drill:
    def __init__(self, options):
        options.replicas = 1
        self.stack = Stack(options)
        self.url = f"postgresql:///cadre?host={self.stack.sockets}&user=cadre"
        self.backups = self.stack.folder + "/backups"
        passphrase = self.stack.folder + "/passphrase"
        with open(passphrase, "w") as file:
            file.write("a passphrase of the drill")
        self.environment = {**os.environ, "CADRE_BACKUP_PASSPHRASE_FILE": passphrase}

    def services(self):
        return [pid for name, pid in self.stack.children() if name in SERVICES]

    def signal(self, which):
        for pid in self.services():
            os.kill(pid, which)

    def script(self, name, *arguments, expected=0):
        done = subprocess.run([f"{ROOT}/deploy/{name}", *arguments], env=self.environment, capture_output=True, text=True)
        assert done.returncode == expected, (name, done.returncode, done.stdout, done.stderr)
        return done.stdout + done.stderr

    def sums(self):
        """A digest of all rows of each table, whatever their order."""
        tables = self.stack.sql("select format('%I.%I', schemaname, tablename) from pg_tables "
                                "where schemaname not in ('pg_catalog', 'information_schema') order by 1").split()
        return {table: self.stack.sql(f"select count(*) || ' ' || coalesce(sum(hashtextextended(t::text, 0)), 0) from {table} t")
                for table in tables}

    def submit(self, number, workflow=None):
        body = {"input": {"prompt": f"task {number}", "n": number}}
        if workflow:
            body["workflow"] = workflow
        status, made = self.stack.call("POST", "/api/v1/tasks", body)
        assert status in (200, 201, 202), (status, made)
        return made["id"]

    def status(self, task):
        return self.stack.call("GET", f"/api/v1/tasks/{task}")[1].get("status")

    def model_call(self, number, expected=200):
        """A call of a model beside all tasks, which a budget counts."""
        body = {"model": "mock-model", "messages": [{"role": "user", "content": f"call {number}"}]}
        status, made = self.stack.call("POST", "/v1/chat/completions", body, {"x-cadre-agent": "drill"})
        assert status == expected, (status, made)

    def spent(self):
        """What the budget says, and what stands in the ledger."""
        status, budget = self.stack.call("GET", f"/api/v1/budgets/{self.budget}")
        charged = self.stack.sql("select coalesce(sum(input_tokens + output_tokens), 0) from llm_router.call where agent = 'drill'")
        return (budget["spent"]["tokens"] if status == 200 else None), int(charged)

    def late_calls(self):
        """Calls that were paid, and are not in the ledger when the router dies: its table is locked."""
        count = self.stack.sql("select count(*) from llm_router.call")
        locked = subprocess.Popen(["psql", "-h", self.stack.sockets, "-U", "cadre", "-d", "cadre", "-qXc",
                                   "set idle_in_transaction_session_timeout = 0; begin; lock table llm_router.call in exclusive mode; select pg_sleep(600)"],
                                  stderr=subprocess.DEVNULL)
        self.until(lambda: self.stack.sql("select count(*) from pg_locks where mode = 'ExclusiveLock' and relation = 'llm_router.call'::regclass and granted") != "0",
                   "the ledger is locked")
        for number in range(5):
            self.model_call(number)
        self.signal(signal.SIGSTOP)
        assert self.stack.sql("select count(*) from llm_router.call") == count
        return locked

    def until(self, condition, what, seconds=90):
        limit = time.time() + seconds
        while not condition():
            assert time.time() < limit, what
            time.sleep(0.2)

    def run(self, count):
        stack = self.stack
        status, made = stack.call("POST", "/api/v1/workflows", WORKFLOW)
        assert status in (200, 201), made
        done = [self.submit(number) for number in range(count)]
        open_ = [self.submit(number, "drill") for number in range(10)]
        self.until(lambda: all(self.status(task) == "succeeded" for task in done), "tasks end")
        self.until(lambda: stack.sql("select count(*) from orchestrator.run where status = 'running'") == "10", "ten runs wait")

        status, made = stack.call("POST", "/api/v1/budgets", {"scope": "agent", "subject": "drill", "tokens": 1_000_000, "period": "day"})
        assert status in (200, 201), made
        self.budget = made["id"]
        for number in range(5):
            self.model_call(number)
        self.until(lambda: self.spent()[0] == self.spent()[1] > 0, f"budget and ledger agree: {self.spent()}")
        paid = self.spent()[1]
        # Nothing moves while the sums are taken and the copy is made, so that both show the same moment.
        self.signal(signal.SIGSTOP)
        self.until(lambda: stack.sql("select count(*) from pg_stat_activity where state <> 'idle' and pid <> pg_backend_pid() "
                                     "and backend_type = 'client backend'") == "0", "the database rests")
        before = self.sums()
        began = time.time()
        said = self.script("backup", "--url", self.url, "--to", self.backups)
        print(said.strip().splitlines()[-1], f"in {time.time() - began:.1f} s")
        self.signal(signal.SIGCONT)
        file = glob.glob(self.backups + "/cadre-dump-*.gpg")[0]
        content = open(file, "rb").read()
        assert b"orchestrator" not in content and b"task 1" not in content, "the backup can be read without the passphrase"

        # The world goes on.
        late = [self.submit(number) for number in range(20)]
        self.until(lambda: all(self.status(task) == "succeeded" for task in late), "later tasks end")
        after = self.sums()
        assert after != before
        for number in range(5, 10):
            self.model_call(number)
        self.until(lambda: self.spent()[1] > paid, "later calls are in the ledger")
        repeated = {"input": {"prompt": "said again after the restore"}}, {"Idempotency-Key": "drill-again"}
        status, lost = stack.call("POST", "/api/v1/tasks", *repeated)
        assert status in (200, 201, 202), lost

        # What cannot be read is refused before anything is touched.
        damaged = self.backups + "/cadre-dump-damaged.pgdump.gpg"
        with open(damaged, "wb") as out:
            out.write(content[:-200])
        assert "cannot be decrypted" in self.script("restore", damaged, "--url", self.url, "--yes", expected=1)
        wrong = self.environment["CADRE_BACKUP_PASSPHRASE_FILE"]
        self.environment["CADRE_BACKUP_PASSPHRASE_FILE"] = __file__
        assert "cannot be decrypted" in self.script("restore", file, "--url", self.url, "--yes", expected=1)
        self.environment["CADRE_BACKUP_PASSPHRASE_FILE"] = wrong
        assert self.status(late[0]) == "succeeded"

        locked = self.late_calls()
        began = time.time()
        self.script("restore", file, "--url", self.url, "--yes")
        took = time.time() - began
        restored = self.sums()
        different = {table: (before[table], restored.get(table)) for table in before if before[table] != restored.get(table)}
        assert not different and set(restored) == set(before), different
        size = int(stack.sql("select pg_database_size('cadre')"))
        print(f"restored {len(before)} tables of {size / 1e6:.0f} MB in {took:.1f} s, {took / (size / 1e9):.0f} s for each GB")
        # The services start anew, as after a real restore; who started them sees to that.
        self.signal(signal.SIGKILL)
        self.until(lambda: stack.call("GET", f"/api/v1/tasks/{done[0]}")[0] == 200, "the stack serves again")
        assert stack.call("GET", f"/api/v1/tasks/{late[0]}")[0] == 404
        locked.wait()
        status, again = stack.call("POST", "/api/v1/tasks", *repeated)
        assert status in (200, 201, 202) and again["id"] != lost["id"] and stack.call("GET", f"/api/v1/tasks/{again['id']}")[0] == 200, (status, again)
        # Of what was spent after the backup the ledger has what the router had on its disk, once: the calls that never got there, and
        # perhaps some that did and are lost. The budget agrees with it.
        self.until(lambda: self.spent()[0] == self.spent()[1] and 2 * paid <= self.spent()[1] <= 3 * paid, f"budget and ledger agree: {self.spent()}, {paid} before the backup")
        for task in open_:
            run = stack.call("GET", f"/api/v1/tasks/{task}")[1]["run"]["id"]
            self.until(lambda: stack.call("POST", f"/api/v1/runs/{run}/signals", {"name": "go", "id": "drill"})[0] in (200, 202, 204), "a signal is taken")
        self.until(lambda: all(self.status(task) == "succeeded" for task in open_), "open runs go on")
        assert self.status(self.submit(1000)) is not None
        print(f"a budget of which {paid} tokens were spent at the backup has {self.spent()[0]} spent, with the calls that were on the router's disk")
        print(f"{len(open_)} runs that were open at the backup went on to their end")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--tasks", type=int, default=200)
    options = parser.parse_args()
    options.bin = os.path.abspath(options.bin)
    drill = Drill(options)
    try:
        drill.run(options.tasks)
    finally:
        drill.stack.stop()
        shutil.rmtree(drill.stack.folder, ignore_errors=True)


if __name__ == "__main__":
    main()
