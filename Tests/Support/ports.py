"""Ports of the loopback address for servers that a test starts."""

import random
import socket

RANGE = range(10_240, 32_768)
"""Below the ports that the system gives to connections: none of those can take a port before its server does."""

given = set()


def free_port():
    """A port that nobody listens on now and that was not given before."""
    for _ in range(200):
        port = random.choice(RANGE)
        if port in given:
            continue
        given.add(port)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise RuntimeError("no free port")
