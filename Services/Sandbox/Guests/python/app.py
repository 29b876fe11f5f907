"""The runner inside the component: takes a program, runs it, says how it has ended. It decides nothing about safety."""

import ast
import atexit
import errno
import io
import json
import linecache
import os
import random
import sys
import time
import traceback

import cadre
import modules
import wit_world

MISSING = modules.load()
NAME = "program.py"
SLICE_SECONDS = 0.008

_real_sleep = time.sleep
_real = {name: getattr(time, name) for name in ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns")}
_real_urandom = os.urandom
_session = None


def _sleep(seconds):
    """Sleeps in slices: a deadline of the host takes effect between them."""
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    end = _real["monotonic"]() + seconds
    while (left := end - _real["monotonic"]()) > 0:
        _real_sleep(min(left, SLICE_SECONDS))


def _fix(seed, clock_ms):
    """Makes clock and randomness the same in every run."""
    state = {"ms": clock_ms}

    def now_ns():
        state["ms"] += 1
        return state["ms"] * 1_000_000

    def advance(seconds):
        state["ms"] += int(seconds * 1000)

    source = random.Random(seed)
    random.seed(seed)
    os.urandom = random._urandom = source.randbytes
    for name in _real:
        setattr(time, name, now_ns if name.endswith("_ns") else lambda: now_ns() / 1e9)
    time.sleep = advance


def _unfix():
    for name, function in _real.items():
        setattr(time, name, function)
    os.urandom = random._urandom = _real_urandom
    time.sleep = _sleep


def _evaluate(source, space):
    """Runs the program; the value of a last expression is its result when it sets none."""
    tree = ast.parse(source, NAME)
    last = None
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        last = ast.Expression(tree.body.pop().value)
    exec(compile(tree, NAME, "exec"), space)
    if last is None:
        return
    value = eval(compile(last, NAME, "eval"), space)
    if value is not None and cadre._result is None:
        cadre._keep(value)


def _show(error):
    """Writes the traceback without the frames of this file."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename != NAME:
        frames = frames.tb_next
    error.__traceback__ = frames
    traceback.print_exception(type(error), error, frames, limit=-40, file=sys.stderr)


def _class(error):
    if isinstance(error, MemoryError):
        return "memory"
    if isinstance(error, RecursionError):
        return "stack"
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
        return "disk"
    return "exit"


def _status(error):
    """The status of `sys.exit`."""
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code
    print(error.code, file=sys.stderr)
    return 1


def _run(source, space):
    try:
        _evaluate(source, space)
    except SystemExit as error:
        return "exit", _status(error)
    except BaseException as error:  # noqa: BLE001
        name = _class(error)
        try:
            _show(error)
        except BaseException:  # noqa: BLE001
            pass
        return name, 1
    return "exit", 0


class WitWorld(wit_world.WitWorld):
    def run(self, source, arguments, input, options):
        global _session
        options = json.loads(options)
        if _session is None:
            os.chdir(cadre.FOLDER)
            _session = {"__name__": "__main__", "__builtins__": __builtins__}
        cadre.arguments = json.loads(arguments)
        cadre._result = None
        sys.argv = [NAME]
        sys.stdin = io.TextIOWrapper(io.BytesIO(input.encode("latin-1")), encoding="utf-8", errors="replace")
        sys.stdout = sys.__stdout__
        sys.stderr = sys.__stderr__
        linecache.cache[NAME] = (len(source), None, source.splitlines(True), NAME)
        if "seed" in options:
            _fix(options["seed"], options["clock_ms"])
        else:
            _unfix()
            random.seed()
        name, status = _run(source, _session)
        if not options["session"]:
            try:
                atexit._run_exitfuncs()
            except BaseException:  # noqa: BLE001
                pass
        for stream in (sys.__stdout__, sys.__stderr__):
            try:
                stream.flush()
            except BaseException:  # noqa: BLE001
                pass
        text = cadre._result
        # A program may have put anything there.
        return f"{name} {status}\n{text if isinstance(text, str) else ''}"
