"""The modules that a program may import. They are loaded when the component is built: its files are not there at run time."""

import encodings
import importlib
import pkgutil

PROMISED = """
abc argparse array ast asyncio atexit base64 binascii bisect calendar cmath cmd code codecs codeop collections
collections.abc colorsys configparser contextlib contextvars copy copyreg csv dataclasses datetime decimal difflib dis
doctest email email.message email.mime.multipart email.mime.text email.parser email.policy email.utils encodings.idna
enum errno filecmp fileinput fnmatch fractions functools gc getopt glob graphlib gzip hashlib heapq hmac html
html.entities html.parser http http.cookies importlib inspect io ipaddress itertools json keyword linecache locale
logging math mimetypes numbers opcode operator optparse os os.path pathlib pickle pickletools pkgutil platform posixpath
pprint profile pstats queue quopri random re reprlib sched secrets select selectors shelve shlex shutil signal socket
sqlite3 stat statistics string stringprep struct symtable sys tarfile tempfile textwrap threading time timeit token
tokenize tomllib trace traceback types typing unicodedata unittest unittest.mock urllib urllib.error urllib.parse uuid
warnings wave weakref xml xml.dom.minidom xml.etree.ElementTree xml.sax zipfile zipimport zlib zoneinfo
""".split()

# What other modules load late, by name.
INNER = """
asyncio.base_events asyncio.runners asyncio.selector_events asyncio.unix_events concurrent.futures
concurrent.futures.thread dbm.dumb dbm.sqlite3 email.mime.base email.mime.application email.mime.image email.header
html.entities importlib.machinery importlib.metadata importlib.resources importlib.util json.decoder json.encoder
logging.config logging.handlers multiprocessing re._compiler unittest.case unittest.runner xml.dom.expatbuilder
xml.etree.cElementTree xml.parsers.expat xml.sax.expatreader _strptime _pydecimal _pydatetime _pyio
""".split()


def load():
    """Imports everything and returns the promised modules that are missing."""
    missing = []
    for name in PROMISED:
        try:
            importlib.import_module(name)
        except Exception:  # noqa: BLE001
            missing.append(name)
    for name in INNER + ["encodings." + each.name for each in pkgutil.iter_modules(encodings.__path__)]:
        try:
            importlib.import_module(name)
        except BaseException:  # noqa: BLE001
            # Codecs of Windows, and what needs a library that is not there.
            pass
    return missing
