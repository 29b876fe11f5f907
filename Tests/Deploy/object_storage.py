"""A storage that speaks S3, for drills: it checks signatures and checksums, and misbehaves when it is told to."""

import hashlib
import hmac
import http.server
import re
import time

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
