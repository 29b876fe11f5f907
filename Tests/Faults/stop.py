"""`cadre up` and Ctrl-C, while its example task waits for a provider that never answers.

Usage: stop.py --bin FOLDER. Ends with 0 when the first Ctrl-C is heard during the example, and the second one ends the
calls that the services would still wait for.
"""
import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Support"))
from ports import free_port  # noqa: E402


def until(condition, seconds=120):
    limit = time.time() + seconds
    while not condition():
        assert time.time() < limit, "it did not come"
        time.sleep(0.05)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", required=True)
    options = parser.parse_args()
    silent = socket.socket()
    silent.bind(("127.0.0.1", 0))
    silent.listen(50)
    port = free_port()
    folder = tempfile.mkdtemp(prefix="cadre-stop-", dir="/tmp")
    os.chmod(folder, 0o755)
    up = subprocess.Popen(
        # The services would wait for the call much longer than this test.
        [options.bin + "/cadre", "up", "--data", folder, "--port", str(port)]
        + [word for name in ("llm-router", "agent-core", "gateway")
           for word in ("--set", f"{name}.CADRE_SHUTDOWN_GRACE_MS=600000")],
        env={**os.environ, "CADRE_PROVIDER_URL": f"http://127.0.0.1:{silent.getsockname()[1]}/v1",
             "CADRE_PROVIDER_KEY": "sk-none", "CADRE_PROVIDER_MODEL": "silent"},
        stdin=subprocess.DEVNULL, stdout=open(folder + "/up.log", "wb"), stderr=subprocess.STDOUT,
        start_new_session=True)

    def said(text):
        assert up.poll() is None or "stopp" in text, read()
        return text in read()

    def read():
        with open(folder + "/up.log", errors="replace") as file:
            return file.read()

    try:
        until(lambda: said("Example task"))
        silent.settimeout(120)
        call, _ = silent.accept()
        up.send_signal(signal.SIGINT)
        until(lambda: said("cadre: stopping"))
        assert "Answer" not in read() and "got no answer" not in read(), read()
        up.send_signal(signal.SIGINT)
        assert up.wait(120) == 0, read()
        assert "cadre: stopped" in read(), read()
        call.close()
    finally:
        if up.poll() is None:
            up.kill()
            up.wait()
        shutil.rmtree(folder, ignore_errors=True)
    print("heard")


main()
