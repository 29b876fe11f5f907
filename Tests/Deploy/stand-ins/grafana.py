"""What the drill asks of Grafana: health, the provisioned dashboards, and queries that go on to a provisioned data source.

Files are read as Grafana reads them: below GF_PATHS_PROVISIONING, the password from GF_SECURITY_ADMIN_PASSWORD__FILE.
"""
import base64
import glob
import http.server
import json
import os
import re
import urllib.request

import yaml

PROVISIONING = os.environ["GF_PATHS_PROVISIONING"]
PASSWORD = open(os.environ["GF_SECURITY_ADMIN_PASSWORD__FILE"]).read().strip()


def provisioned(kind, key):
    return [one for path in glob.glob(f"{PROVISIONING}/{kind}/*.y*ml") for one in yaml.safe_load(open(path))[key]]


SOURCES = {one["uid"]: one["url"] for one in provisioned("datasources", "datasources")}
BOARDS = [json.load(open(path)) for one in provisioned("dashboards", "providers") for path in glob.glob(one["options"]["path"] + "/*.json")]
# As there, data of its own is kept below this folder.
open("/var/lib/grafana/grafana.db", "a").close()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/api/health":
            return self.answer(200, json.dumps({"database": "ok", "version": "stand-in"}).encode())
        if self.headers.get("authorization") != "Basic " + base64.b64encode(f"admin:{PASSWORD}".encode()).decode():
            return self.answer(401, b'{"message": "Unauthorized"}')
        if self.path.startswith("/api/search"):
            return self.answer(200, json.dumps([{"uid": one["uid"], "title": one["title"]} for one in BOARDS]).encode())
        through = re.fullmatch(r"/api/datasources/proxy/uid/(\w+)/(.*)", self.path)
        if through and through[1] in SOURCES:
            with urllib.request.urlopen(f"{SOURCES[through[1]]}/{through[2]}", timeout=20) as answer:
                return self.answer(answer.status, answer.read())
        return self.answer(404, b'{"message": "Not found"}')

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("0.0.0.0", 3000), Handler).serve_forever()
