"""Assertions of identity between services, as docs/architecture/identity.md describes them; for tests that play one."""
import base64
import hashlib
import hmac
import time

ORDER = ("aud", "exp", "sub", "scope", "tenant", "project", "group", "agent", "run", "step", "lease")
"""The claims in the order in which they are written."""


def text(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(issuer, key, claims):
    """Signs claims with a key `id:secret` of an issuer."""
    name, secret = key.split(":", 1)
    derived = hmac.new(secret.encode(), f"cadre assertion v1 {issuer}".encode(), hashlib.sha256).digest()
    lines = "\n".join(f"{claim}={claims[claim]}" for claim in ORDER if claims.get(claim))
    signed = f"v1.{issuer}.{name}.{text(lines.encode())}"
    return f"{signed}.{text(hmac.new(derived, signed.encode(), hashlib.sha256).digest())}"


def caller(key, tenant, audience, operator=False, principal="key:test", seconds=60, **more):
    """What the gateway says of a caller."""
    scope = "api models operator" if operator else "api models"
    return sign("gateway", key, {
        "aud": audience, "exp": int(time.time()) + seconds, "sub": principal, "scope": scope, "tenant": tenant, **more})


def step(key, tenant, run, step, principal="key:test", seconds=60, lease="0123456789abcdef", **more):
    """What the orchestrator says of a leased step."""
    return sign("orchestrator", key, {
        "aud": "orchestrator llm-router", "exp": int(time.time()) + seconds, "sub": principal, "scope": "models step",
        "tenant": tenant, "run": run, "step": step, "lease": lease, **more})
