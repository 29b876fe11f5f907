#!/usr/bin/env python3
"""The alert drill: a tenant spends the budget of its day at a real stack, and what Prometheus and Alertmanager make of it
with the shipped rules and routes arrives at a webhook. Spend beyond the threshold comes as a ticket, the exhausted budget
as a page, which silences no ticket; a larger budget ends both, and that arrives too. A service that stands still comes as
one page, which holds back the tickets of the same service and no others; so does a Redis that hangs. The sign of life comes again and again.

Windows, `for` and the pauses of Alertmanager are divided by a factor; nothing else of the files is changed.

Usage: alert_drill.py --bin FOLDER    with Debian's prometheus and prometheus-alertmanager
"""
import argparse
import glob
import http.server
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
sys.path.insert(0, os.path.join(HERE, "..", "Faults"))
from stack import Stack, free_port  # noqa: E402

FACTOR = 15
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
JOBS = ("gateway", "orchestrator", "llm-router", "agent-core")


def shorter(text, pattern):
    """Divides the durations that stand where `pattern` says."""
    def change(found):
        return f"{found[1]}{max(1, int(found[2]) * UNITS[found[3]] // FACTOR)}s"
    return re.sub(pattern, change, text)


class Webhook:
    """Keeps what Alertmanager sends."""

    def __init__(self):
        self.messages = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                outer.messages.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *arguments):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/alerts"

    def alerts(self, name, status=None):
        return [alert for message in list(self.messages) for alert in message["alerts"]
                if alert["labels"]["alertname"] == name and status in (None, alert["status"])]


class Drill:
    def __init__(self, options):
        options.replicas = 1
        self.processes = []
        self.webhook = Webhook()
        self.stack = Stack(options)
        self.folder = self.stack.folder
        try:
            self.observe()
        except BaseException:
            self.stop()
            raise

    def observe(self):
        os.makedirs(self.folder + "/rules", exist_ok=True)
        for path in glob.glob(f"{ROOT}/dashboards/rules/*.yaml"):
            if path.endswith(".test.yaml"):
                continue
            text = shorter(open(path).read(), r"(\[)(\d+)([smhd])(?=\])")
            with open(f"{self.folder}/rules/{os.path.basename(path)}", "w") as file:
                file.write(shorter(text, r"(\bfor: )(\d+)([smhd])"))
        text = open(f"{ROOT}/deploy/alertmanager/alertmanager.yml").read().replace("__ALERT_WEBHOOK_URL__", self.webhook.url)
        with open(self.folder + "/alertmanager.yml", "w") as file:
            file.write(shorter(text, r"(\b(?:group_wait|group_interval|repeat_interval): )(\d+)([smhd])"))
        self.alertmanager = f"127.0.0.1:{free_port()}"
        self.prometheus = f"127.0.0.1:{free_port()}"
        admin = {name: self.stack.environment(pid)["CADRE_ADMIN_PORT"] for name, pid in self.stack.children() if name in JOBS}
        with open(self.folder + "/prometheus.yml", "w") as file:
            json.dump({
                "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
                "rule_files": [self.folder + "/rules/*.yaml"],
                "alerting": {"alertmanagers": [{"static_configs": [{"targets": [self.alertmanager]}]}]},
                "scrape_configs": [{"job_name": job, "static_configs": [{"targets": [f"127.0.0.1:{admin[job]}"]}]} for job in JOBS]}, file)
        self.start("prometheus-alertmanager", f"--config.file={self.folder}/alertmanager.yml", f"--storage.path={self.folder}/alerts",
                   f"--web.listen-address={self.alertmanager}", "--cluster.listen-address=")
        self.until("Alertmanager is ready", lambda: self.get(self.alertmanager, "/-/ready") is not None)
        self.start("prometheus", f"--config.file={self.folder}/prometheus.yml", f"--storage.tsdb.path={self.folder}/metrics",
                   f"--web.listen-address={self.prometheus}", "--rules.alert.resend-delay=2s")
        self.until("Prometheus is ready", lambda: self.get(self.prometheus, "/-/ready") is not None)

    def start(self, *command):
        log = open(f"{self.folder}/{command[0]}.log", "wb")
        self.processes.append(subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL))

    def get(self, address, path):
        try:
            with urllib.request.urlopen(f"http://{address}{path}", timeout=10) as answer:
                return answer.read()
        except OSError:
            return None

    def until(self, what, condition, seconds=120):
        limit = time.time() + seconds
        while True:
            found = condition()
            if found:
                return found
            assert time.time() < limit, f"waited in vain until {what}; received: {[(m['status'], [a['labels'] for a in m['alerts']]) for m in self.webhook.messages]}"
            time.sleep(0.2)

    def firing(self, name):
        """What Alertmanager has of an alert."""
        listed = json.loads(self.get(self.alertmanager, "/api/v2/alerts") or "[]")
        return [alert for alert in listed if alert["labels"]["alertname"] == name]

    def call(self, number):
        """One model call; returns its status."""
        return self.stack.call("POST", "/v1/chat/completions", {
            "model": "mock-model", "max_tokens": 20, "messages": [{"role": "user", "content": f"spend {number} " + "word " * 200}]})[0]

    def run(self):
        stack = self.stack
        self.until("all jobs are scraped", lambda: len(re.findall(r'"value":\[[^]]*"1"\]', (self.get(self.prometheus, "/api/v1/query?query=up") or b"").decode())) == len(JOBS))
        self.until("the watchdog is heard", lambda: self.webhook.alerts("Watchdog", "firing"))
        # It comes again and again: who has not heard it for some minutes knows that nothing comes through.
        self.until("the watchdog is heard a third time", lambda: len(self.webhook.alerts("Watchdog", "firing")) >= 3, 120 // FACTOR * 4)
        # What one call costs is known after it; then the day is worth twenty of them.
        assert self.call(0) == 200
        cost = self.until("the call is in the ledger", lambda: int(stack.sql("select coalesce(max(nano_usd), 0) from llm_router.call") or 0))
        status, budget = stack.call("POST", "/api/v1/budgets", {
            "scope": "tenant", "period": "day", "usd": round(20 * cost / 1e9, 9), "alert_percent": 80})
        assert status == 201, (status, budget)
        # Half of it is nobody's business. The first increase of a counter has to be seen from zero on.
        for number in range(1, 10):
            assert self.call(number) == 200
        time.sleep(4)
        assert not self.webhook.alerts("BudgetAlmostSpent"), self.webhook.messages
        began = time.time()
        number = 10
        while not self.webhook.alerts("BudgetAlmostSpent", "firing") and number < 17:
            assert self.call(number) == 200, number
            number += 1
        (alert, *_) = self.until("the ticket of the budget arrives", lambda: self.webhook.alerts("BudgetAlmostSpent", "firing"))
        print(f"spend beyond the threshold of the day arrived after {time.time() - began:.1f} s")
        assert alert["labels"]["severity"] == "ticket" and alert["labels"]["scope"] == "tenant" and alert["labels"]["period"] == "day", alert
        assert "budget of a tenant per day" in alert["annotations"]["summary"] and alert["annotations"]["runbook_url"], alert
        assert not self.webhook.alerts("BudgetExhausted"), "the budget is not exhausted yet"

        # Until nothing is left: a page. It silences no ticket, of whatever kind.
        def exhausted():
            self.call(time.time())
            return self.webhook.alerts("BudgetExhausted", "firing")
        (page, *_) = self.until("the page of the exhausted budget arrives", exhausted)
        assert page["labels"]["severity"] == "page" and page["labels"]["scope"] == "tenant", page

        def other_ticket():
            self.call(time.time())
            return self.webhook.alerts("CadreReplicaLost", "firing") and self.firing("BudgetExhausted")
        self.until("another ticket arrives beside the page", other_ticket)
        for alert in self.firing("CadreReplicaLost") + self.firing("BudgetAlmostSpent"):
            assert not alert["status"]["inhibitedBy"], alert

        # More money: both end, and that arrives.
        status, changed = stack.call("PATCH", f"/api/v1/budgets/{budget['id']}", {"usd": 1000})
        assert status == 200, (status, changed)
        self.until("calls go on", lambda: self.call(time.time()) == 200)
        began = time.time()
        for name in ("BudgetExhausted", "BudgetAlmostSpent"):
            self.until(f"the end of {name} arrives", lambda: self.webhook.alerts(name, "resolved"))
        print(f"the end of both arrived after {time.time() - began:.1f} s")

        # A service that stands still: one page, and its tickets are held back.
        (agent,) = [pid for name, pid in stack.children() if name == "agent-core"]
        os.kill(agent, signal.SIGSTOP)
        try:
            (absent, *_) = self.until("the page of the absent service arrives", lambda: self.webhook.alerts("CadreServiceAbsent", "firing"))
            assert absent["labels"]["job"] == "agent-core", absent

            def held_back():
                down, lost = self.firing("CadreServiceDown"), self.firing("CadreReplicaLost")
                mine = [alert for alert in down + lost if alert["labels"]["job"] == "agent-core"]
                others = [alert for alert in lost if alert["labels"]["job"] != "agent-core"]
                return down and others and all(alert["status"]["inhibitedBy"] for alert in mine) and not any(alert["status"]["inhibitedBy"] for alert in others)
            self.until("its tickets are held back, and no others", held_back)
            assert not self.webhook.alerts("CadreServiceDown"), "a page says what its ticket would say"
        finally:
            os.kill(agent, signal.SIGCONT)
        self.until("the end of the absence arrives", lambda: self.webhook.alerts("CadreServiceAbsent", "resolved"))

        # Redis hangs while nobody calls: one page all the same, and what follows from it is held back.
        (redis,) = [pid for name, pid in stack.children() if name.startswith("redis")]
        os.kill(redis, signal.SIGSTOP)
        try:
            (away, *_) = self.until("the page of Redis arrives", lambda: self.webhook.alerts("RedisAway", "firing"))
            assert away["labels"]["job"] == "llm-router" and away["labels"]["severity"] == "page", away
            # The gateway notices it with a request that a limit counts.
            self.until("what follows is held back", lambda: self.call(time.time()) is not None and [
                alert for alert in self.firing("GatewayLimitsAlone") if alert["status"]["inhibitedBy"]])
            assert not self.webhook.alerts("GatewayLimitsAlone"), "a page says what its ticket would say"
        finally:
            os.kill(redis, signal.SIGCONT)
        self.until("the end of it arrives", lambda: self.webhook.alerts("RedisAway", "resolved"))
        print(f"{len(self.webhook.messages)} messages at the webhook")

    def stop(self):
        for process in reversed(self.processes):
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
        self.stack.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    options = parser.parse_args()
    options.bin = os.path.abspath(options.bin)
    drill = Drill(options)
    try:
        drill.run()
    finally:
        drill.stop()
        shutil.rmtree(drill.folder, ignore_errors=True)


if __name__ == "__main__":
    main()
