"""An OpenID Connect provider that checks PKCE and misbehaves as its path says: each path is an issuer of its own.

Usage: hostile_provider.py PORT
The user signs in at once: the authorisation endpoint answers with the redirect back.
"""

import base64
import hashlib
import hmac
import json
import secrets
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

PORT = int(sys.argv[1])
RSA_KEY = rsa.generate_private_key(65537, 2048)
OTHER_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
CODES = {}
CLIENT_SECRET = "a secret: of clients"


def text(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value, size=None):
    return text(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


def keys():
    r, e = RSA_KEY.public_key().public_numbers(), EC_KEY.public_key().public_numbers()
    return {"keys": [
        {"kty": "RSA", "kid": "r", "use": "sig", "alg": "RS256", "n": number(r.n), "e": number(r.e)},
        {"kty": "EC", "crv": "P-256", "kid": "e", "use": "sig", "x": number(e.x, 32), "y": number(e.y, 32)},
    ]}


def sign(mode, claims):
    kind = {"es256": "ES256", "none": "none", "hs256": "HS256"}.get(mode, "RS256")
    header = {"alg": kind, "kid": "e" if kind == "ES256" else "r", "typ": "JWT"}
    signed = f"{text(json.dumps(header).encode())}.{text(json.dumps(claims).encode())}"
    if kind == "none":
        return signed + "."
    if kind == "HS256":
        signature = hmac.new(CLIENT_SECRET.encode(), signed.encode(), hashlib.sha256).digest()
    elif kind == "ES256":
        r, s = utils.decode_dss_signature(EC_KEY.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    else:
        key = OTHER_KEY if mode == "forged" else RSA_KEY
        signature = key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{signed}.{text(signature)}"


def elsewhere(name, base):
    return base.replace("127.0.0.1", f"{name}.test") if name else base


def claims_of(mode, request):
    now = int(time.time())
    claims = {
        "iss": f"http://127.0.0.1:{PORT}/{mode}", "aud": request["client_id"], "sub": "1", "iat": now, "exp": now + 300,
        "nonce": request["nonce"], "email": "Ann@Example.com", "email_verified": True,
    }
    claims.update({
        "audience": {"aud": "another"}, "audiences": {"aud": [request["client_id"], "another"]},
        "azp": {"azp": "another"}, "expired": {"exp": now - 300}, "nonce": {"nonce": "another"},
        "issuer": {"iss": "https://evil.example"}, "unverified": {"email_verified": False},
        "textual": {"email_verified": "true"}, "nobody": {"email": "nobody@example.com"},
        "email": {"email": ["ann@example.com"]},
    }.get(mode, {}))
    return claims


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *arguments):
        pass

    def answer(self, status, body=b"", **fields):
        body = json.dumps(body).encode() if not isinstance(body, bytes) else body
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        url = urlsplit(self.path)
        mode, _, rest = url.path[1:].partition("/")
        base = f"http://127.0.0.1:{PORT}/{mode}"
        if rest == ".well-known/openid-configuration":
            if mode == "broken":
                return self.answer(200, b"<html>")
            if mode == "endless":
                return self.answer(200, b"{" + b" " * (1 << 20) + b"}")
            if mode == "redirected":
                return self.answer(302, Location=f"http://127.0.0.1:{PORT}/good/{rest}")
            # Hosts that the test's resolver knows: one like this one, and one that nobody may ask.
            tokens = {"moved": "other", "reaching": "metadata"}.get(mode)
            published = {"moved": "other", "looking": "metadata"}.get(mode)
            return self.answer(200, {
                "issuer": "https://evil.example" if mode == "imposter" else base,
                "authorization_endpoint": base + "/authorize", "token_endpoint": elsewhere(tokens, base) + "/token",
                "jwks_uri": elsewhere(published, base) + "/keys",
                "authorization_response_iss_parameter_supported": mode in ("named", "unnamed", "misnamed"),
            })
        if rest == "keys":
            return self.answer(200, keys())
        if rest == "authorize":
            request = {name: values[0] for name, values in parse_qs(url.query).items()}
            if (request.get("response_type"), request.get("code_challenge_method")) != ("code", "S256"):
                return self.answer(400)
            code = secrets.token_urlsafe(24)
            CODES[code] = request
            back = {"code": code, "state": request["state"]}
            if mode == "named":
                back["iss"] = base
            if mode == "misnamed":
                back["iss"] = "https://evil.example"
            if mode == "denied":
                back = {"error": "access_denied", "state": request["state"]}
            return self.answer(302, Location=f"{request['redirect_uri']}?{urlencode(back)}")
        return self.answer(404)

    def do_POST(self):
        mode = urlsplit(self.path).path[1:].partition("/")[0]
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        request = CODES.pop(form["code"][0], None)
        if mode == "huge":
            return self.answer(200, {"id_token": "x" * (1 << 20)})
        if mode == "failing":
            return self.answer(500)
        if request is None:
            return self.answer(400, {"error": "invalid_grant"})
        challenge = text(hashlib.sha256(form["code_verifier"][0].encode()).digest())
        if challenge != request["code_challenge"] or form["redirect_uri"][0] != request["redirect_uri"]:
            return self.answer(400, {"error": "invalid_grant"})
        if mode == "public":
            is_known = form["client_id"][0] == request["client_id"] and "Authorization" not in self.headers
        else:
            shown = base64.b64decode(self.headers.get("Authorization", "Basic ")[6:]).decode()
            is_known = [unquote(part) for part in shown.split(":")] == [request["client_id"], CLIENT_SECRET]
        if not is_known:
            return self.answer(401, {"error": "invalid_client"})
        if mode == "tokenless":
            return self.answer(200, {"access_token": "x"})
        return self.answer(200, {"id_token": sign(mode, claims_of(mode, request)), "token_type": "Bearer"})


ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
