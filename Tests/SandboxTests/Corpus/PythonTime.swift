import SandboxProtocol

/// Time, processor, memory and stack in Python.
extension HostileCase {
  private static let time: Set<String> = ["timeout_wall"]

  static let pythonTime: [HostileCase] = [
    .python("empty loop", time, RunLimits.brief, "while True: pass"),
    .python(
      "loop that catches everything", time, RunLimits.brief,
      """
      while True:
          try:
              while True: pass
          except BaseException: pass
      """),
    .python("sleep for ever", time, RunLimits.brief, "import time\ntime.sleep(10**6)"),
    .python("many short sleeps", time, RunLimits.brief, "import time\nwhile True: time.sleep(0.001)"),
    .python(
      "sleep by select", ["timeout_wall", "exit_nonzero"], RunLimits.brief,
      "import select\nselect.select([], [], [], 10**6)"),
    .python("regular expression", time, RunLimits.brief, "import re\nre.match(r'(a+)+$', 'a' * 60 + 'b')"),
    .python("large power", ["timeout_wall", "memory"], RunLimits.brief, "9 ** 9 ** 8"),
    .python(
      "large number as text", ["timeout_wall", "exit_nonzero"], RunLimits.brief, "print(len(str(7 ** 3000000)))"),
    .python(
      "loop at exit", ["timeout_wall", "ok"], RunLimits.brief,
      "import atexit\n@atexit.register\ndef f():\n    while True: pass\n"),
    .python(
      "loop in a finaliser", time, RunLimits.brief,
      "class A:\n    def __del__(self):\n        while True: pass\nA()\n"),
    .python(
      "loop in repr of the result", time, RunLimits.brief,
      "class A(dict):\n    def __iter__(self):\n        while True: pass\n    def items(self):\n        while True: pass\nA(a=1)\n"
    ),
    .python(
      "loop in the text of an error", time, RunLimits.brief,
      "class E(Exception):\n    def __str__(self):\n        while True: pass\nraise E()\n"),
    .python(
      "sorting with a hostile key", time, RunLimits.brief, "sorted([1, 2], key=lambda x: [i for i in iter(int, 1)])"),
    .python("generator without end", ["timeout_wall", "memory"], RunLimits.brief, "sum(1 for _ in iter(int, 1))"),
    .python(
      "asyncio without end", ["timeout_wall", "exit_nonzero"], RunLimits.brief,
      "import asyncio\nasync def f():\n    while True: await asyncio.sleep(0)\nasyncio.run(f())\n"),
    .python("fuel", ["timeout_cpu"], { $0.fuel = 500_000_000 }, "while True: pass"),
    .python("input that never ends is empty", has: ["b''"], "import sys\nprint(sys.stdin.buffer.read())"),
  ]

  static let pythonMemory: [HostileCase] = [
    .python("bytearray", ["memory"], "x = []\nwhile True: x.append(bytearray(1 << 20))"),
    .python("one large block", ["memory"], "bytearray(1 << 30)"),
    .python("block of the address space", ["memory", "exit_nonzero"], "x = 'a' * (1 << 31)"),
    .python(
      "dictionary", ["memory", "timeout_wall"], { $0.wallMilliseconds = 5000 },
      "d = {}\ni = 0\nwhile True:\n    d[i] = str(i) * 50\n    i += 1\n"),
    .python(
      "decompression", ["memory"],
      """
      import zlib
      bomb = b'x' * 1000000
      for _ in range(3): bomb = zlib.compress(bomb * 20)
      data = bomb
      while True: data = zlib.decompress(data) * 4
      """.replacing("data = zlib.decompress(data) * 4", with: "data = (zlib.decompress(bomb) + data) * 2")),
    .python(
      "database in memory", ["memory", "exit_nonzero"],
      """
      import sqlite3
      c = sqlite3.connect(':memory:')
      c.execute('create table t (x)')
      while True: c.execute('insert into t values (zeroblob(10000000))')
      """),
    .python(
      "memory error that is caught", has: ["fine"],
      "try:\n    bytearray(1 << 30)\nexcept MemoryError:\n    print('fine')\n"),
    .python("recursion", ["stack", "exit_nonzero", "trap"], "def f(): f()\nf()"),
    .python(
      "recursion without the limit", ["stack", "trap", "memory", "exit_nonzero"],
      "import sys\nsys.setrecursionlimit(10**9)\ndef f(): f()\nf()"),
    .python(
      "recursion in C", ["stack", "trap", "memory", "exit_nonzero"],
      "import sys\nsys.setrecursionlimit(10**9)\nclass A:\n    def __getattr__(self, n): return getattr(self, n + 'x')\nA().x\n"
    ),
    .python("nested parentheses", ["stack", "memory", "exit_nonzero", "trap"], "eval('(' * 100000 + ')' * 100000)"),
    .python("deep JSON", ["stack", "trap", "exit_nonzero"], "import json\njson.loads('[' * 1000000)"),
    .python(
      "deep result", ["ok", "stack", "trap", "exit_nonzero"],
      "x = []\nfor _ in range(100000): x = [x]\nx"),
    .python("recursive result", ["ok", "stack", "exit_nonzero"], "x = []\nx.append(x)\nx"),
  ]
}
