"""The reference for people."""
import re
import shutil
import subprocess
from html.parser import HTMLParser

from stack import Skipped

VOID = {"meta", "link", "input", "br"}


class Reader(HTMLParser):
    """Notes ids, links and elements that are not closed."""

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.links, self.inline = [], [], [], []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if "id" in attrs:
            self.ids.append(attrs["id"])
        if attrs.get("href", "").startswith("#"):
            self.links.append(attrs["href"][1:])
        self.inline += [name for name in attrs if name.startswith("on") or name == "style"]
        if tag == "script" and "src" not in attrs:
            self.inline.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, tag


def case_the_reference_reads_without_a_script(stack):
    answer = stack.call("GET", "/reference", key="nobody's")
    assert answer.status == 200 and answer.headers["content-type"].startswith("text/html"), answer
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy, policy
    page = Reader()
    page.feed(answer.body.decode())
    assert page.open == [] and page.inline == [], (page.open, page.inline)
    assert len(page.ids) == len(set(page.ids))
    missing = {link for link in page.links if link not in page.ids}
    assert not missing, missing
    for method, path, operation in stack.document.operations():
        assert f'id="op-{operation["operationId"]}"' in answer.body.decode(), (method, path)
    assert stack.call("GET", "/reference", headers={"if-none-match": answer.headers["etag"]}).status == 304
    for name, kind in (("reference.css", "text/css"), ("reference.js", "text/javascript")):
        file = stack.call("GET", f"/reference/{name}")
        assert file.status == 200 and file.headers["content-type"].startswith(kind), file
    assert stack.call("GET", "/reference/nothing.js").status == 404


def case_the_reference_works_in_a_browser(stack):
    program = shutil.which("chromium")
    if not program:
        raise Skipped("chromium is not installed")
    shown = subprocess.run(
        [program, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--v=0",
         f"--user-data-dir={stack.folder}/chromium", "--virtual-time-budget=5000", "--dump-dom", stack.url + "/reference"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=180, text=True)
    # The script shows the search, which is hidden without it; nothing was refused by the policy of the page.
    assert re.search(r'<p id="search">', shown.stdout), shown.stdout[:2000]
    assert "Content Security Policy" not in shown.stderr and "Uncaught" not in shown.stderr, shown.stderr[-3000:]
