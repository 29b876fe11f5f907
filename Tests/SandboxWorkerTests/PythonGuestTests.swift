import Glibc
import JSON
import SandboxProtocol
import SandboxWorker
import Testing

private let needsEngine: Comment = "deploy/sandbox/build has not made the engine folder"

@Suite(.serialized, .enabled(if: Installation.hasEngine, needsEngine)) struct PythonGuestTests {
  @Test func `a program has arguments, input, output and a result`() throws {
    let worker = try JailedWorker(load: ["python"])
    #expect(worker.ready.runtimes == ["python"])
    #expect(worker.layers.landlock > 0 && worker.layers.hasSystemCallFilter)
    let report = try worker.run(
      .python,
      """
      import cadre, sys
      print(cadre.arguments["n"] * 2, sys.stdin.read())
      print("aside", file=sys.stderr)
      cadre.result({"sum": 42, "text": "ü"})
      """, arguments: #"{"n": 21}"#, input: "größer")
    #expect(report.outcome == .ok && report.exitCode == 0)
    #expect(report.output == "42 größer\n")
    #expect(report.errors == "aside\n")
    #expect(report.resultText == #"{"sum": 42, "text": "ü"}"#)
    #expect(report.metering.fuel > 100_000 && report.metering.cpuMicroseconds > 0)
    #expect(report.metering.inputBytes > 0 && report.metering.outputBytes > 0)
  }

  /// A worker that waits has made its first instance before it knows the limits of the run.
  @Test(arguments: ["python", "javascript"])
  func `the first run of a worker that has waited has its own limit of memory`(runtime: String) throws {
    let language = try #require(SandboxRuntime(rawValue: runtime))
    let source =
      language == .python
      ? "print(len(bytearray(70 << 20)))" : "console.log(new ArrayBuffer(70 * 1024 * 1024).byteLength)"
    for (megabytes, fits) in [(Int64(128), true), (64, false)] {
      let worker = try JailedWorker(load: [runtime])
      usleep(500_000)
      let report = try worker.run(language, source) { $0.memoryBytes = megabytes << 20 }
      #expect((report.output == "73400320\n") == fits, "\(megabytes): \(report.outcome) \(report.errors)")
      #expect((report.outcome == .ok) == fits, "\(megabytes): \(report.outcome)")
    }
  }

  /// What every first run does is done while the worker waits, and nothing of it can be seen.
  @Test func `an empty program has run where a worker has waited`() throws {
    let source = """
      import atexit, cadre, gc, linecache, os, sys, threading
      print(sorted(globals()), cadre.arguments, os.getcwd(), os.listdir('.'), sys.argv, atexit._ncallbacks(),
            list(linecache.cache), threading.active_count(), sys.exc_info(), cadre._result)
      """
    // How long it takes until a worker has waited is not known.
    var fuel: (waited: Int64, fresh: Int64) = (1, 1)
    for pause in 1...20 where fuel.waited >= fuel.fresh {
      let worker = try JailedWorker(load: ["python"])
      usleep(UInt32(pause) * 200_000)
      let first = try worker.run(.python, source)
      let fresh = try worker.run(.python, source)
      #expect(first.outcome == .ok && first.output == fresh.output && !first.output.isEmpty)
      fuel = (first.metering.fuel, fresh.metering.fuel)
    }
    #expect(fuel.waited < fuel.fresh, "\(fuel)")
  }

  @Test func `every promised module is there`() throws {
    let worker = try JailedWorker()
    let report = try worker.run(
      .python,
      """
      import importlib, modules
      missing = []
      for name in modules.PROMISED:
          try:
              importlib.import_module(name)
          except Exception as error:
              missing.append(f"{name}: {error}")
      b"a".decode("idna"), "x".encode("utf-16"), "x".encode("cp1252"), "x".encode("punycode")
      print(len(modules.PROMISED), missing)
      """)
    #expect(report.outcome == .ok, "\(report.errors)")
    #expect(report.output.hasSuffix(" []\n"), "\(report.output)")
  }

  @Test(
    arguments: [
      ("import sys\nsys.exit(3)", RunOutcome.exitNonzero, 3), ("1 +", .exitNonzero, 1),
      ("raise ValueError('no')", .exitNonzero, 1), ("import os\nos._exit(9)", .exitNonzero, 1),
      ("x = bytearray(1 << 30)", .memory, 1), ("def f(): f()\nf()", .stack, 1),
      ("import sys\nsys.setrecursionlimit(10**9)\ndef f(): f()\nf()", .stack, nil),
      (
        "import sqlite3\nc = sqlite3.connect(':memory:')\nc.execute('create table t(x)')\nwhile True: c.execute('insert into t values (zeroblob(1000000))')",
        .memory, 1
      ),
      ("open('big', 'w').write('x' * (20 << 20))", .disk, 1),
      ("import socket\nsocket.create_connection(('127.0.0.1', 80))", .exitNonzero, 1),
      ("import socket\nsocket.getaddrinfo('localhost', 80)", .exitNonzero, 1),
      ("import subprocess\nsubprocess.run(['/bin/sh'])", .exitNonzero, 1),
      ("import threading\nthreading.Thread(target=print).start()", .exitNonzero, 1),
      ("open('/etc/passwd')", .exitNonzero, 1), ("open('/scratch/../etc/passwd')", .exitNonzero, 1),
      ("import os\nos.symlink('../../etc/passwd', 'l')\nopen('l')", .exitNonzero, 1),
    ] as [(String, RunOutcome, Int64?)])
  func `how programs end`(source: String, outcome: RunOutcome, status: Int64?) throws {
    let worker = try JailedWorker()
    let report = try worker.run(.python, source)
    #expect(
      report.outcome == outcome || (status == nil && [.trap, .exitNonzero].contains(report.outcome)), "\(report)")
    if let status { #expect(report.exitCode == status) }
    // The worker is as well as before.
    #expect(try worker.run(.python, "print(1)").output == "1\n")
  }

  @Test(arguments: [
    "while True: pass", "import time\nwhile True: time.sleep(1000)", "import re\nre.match('(a+)+b', 'a' * 64)",
    "while True:\n  try:\n    while True: pass\n  except BaseException: pass", "9**9**8",
    "class A:\n  def __del__(self):\n    while True: pass\nA()\nprint(1)",
    "import atexit\n@atexit.register\ndef f():\n  while True: pass",
    "import sys\nsys.settrace(lambda *a: None)\nwhile True: pass",
  ])
  func `real time ends every program, and what it has written is there`(source: String) throws {
    let worker = try JailedWorker()
    let report = try worker.run(.python, "print('first', flush=True)\n" + source) { $0.wallMilliseconds = 300 }
    #expect(report.outcome == .timeoutWall)
    #expect(report.output.hasPrefix("first\n"))
    #expect(!report.keepsSession)
    #expect(try worker.run(.python, "print(1)").output == "1\n")
  }

  @Test func `fuel ends a program, and the same program needs the same`() throws {
    let worker = try JailedWorker()
    let report = try worker.run(.python, "while True: sum(range(1000))") { $0.fuel = 50_000_000 }
    #expect(report.outcome == .timeoutCPU)
    let fixed = RunRequest.Deterministic(seed: 5, clockMilliseconds: 1_700_000_000_000)
    let source =
      "import random, time, os, uuid\nprint(random.random(), time.time(), os.urandom(8), uuid.uuid4(), sum(range(1000)))"
    let first = try worker.run(.python, source, deterministic: fixed)
    let second = try JailedWorker().run(.python, source, deterministic: fixed)
    #expect(first.outcome == .ok && first.output == second.output && first.metering.fuel == second.metering.fuel)
    #expect(try worker.run(.python, source).output != first.output)
  }

  @Test(
    arguments: [
      ("float('nan')", "float", "nan"), ("[1, {'a': float('inf')}]", "list", "inf"),
      ("'\\ud800'", "str", "surrogate"), ("x = []\nx.append(x)\nx", "list", "Circular"),
      ("10 ** 5000", "int", "4300 digits"), ("{1, 2}", "set", "not JSON serializable"),
      ("class A:\n  def __repr__(self): raise ValueError\nA()", "A", "not JSON serializable"),
      ("x = 1\nfor _ in range(80): x = [x]\nx", "text", "no JSON value that the platform takes"),
    ])
  func `a value that JSON cannot say is described`(source: String, type: String, reason: String) throws {
    let worker = try JailedWorker()
    let report = try worker.run(.python, source)
    #expect(report.outcome == .ok, "\(report.errors)")
    let result = try JSONDocument(parsing: #require(report.result)).root["unrepresentable"]
    #expect(result?["type"]?.string == type, "\(report.resultText ?? "")")
    #expect(result?["reason"]?.string?.contains(reason) == true, "\(report.resultText ?? "")")
    #expect(result?["text"]?.string?.isEmpty == false)
  }

  @Test(arguments: ["float('-inf')", "{'\\ud800': 1}", "10 ** 5000", "{1}", "x"])
  func `a result that JSON cannot say is refused with the reason`(value: String) throws {
    let worker = try JailedWorker()
    let report = try worker.run(.python, "import cadre\nx = []\nx.append(x)\ncadre.result(\(value))")
    #expect(report.outcome == .exitNonzero && report.result == nil)
    #expect(report.errors.contains("the result cannot be written as JSON: "), "\(report.errors)")
    #expect(try worker.run(.python, "10 ** 400").resultText == "1" + String(repeating: "0", count: 400))
  }

  @Test(arguments: [0, 1, 65_535, 65_536, 1 << 20, 16 << 20] as [Int64])
  func `memory that is too little for Python is a memory error`(bytes: Int64) throws {
    let worker = try JailedWorker()
    #expect(try worker.run(.python, "1 + 1") { $0.memoryBytes = bytes }.outcome == .memory)
    #expect(try worker.run(.python, "1 + 1") { $0.memoryBytes = 32 << 20 }.resultText == "2")
    let largest = try worker.run(.python, "1 + 1") { $0.memoryBytes = RunLimits.ceiling.memoryBytes }
    #expect(largest.resultText == "2")
  }

  @Test(arguments: [(1 << 30) + 1, 1 << 32, 5 << 30, Int64.max, -1, .min])
  func `memory that no worker gives is refused as a request`(bytes: Int64) throws {
    let worker = try JailedWorker()
    var request = RunRequest(id: "run", runtime: .python, source: Array("1".utf8))
    request.limits.memoryBytes = bytes
    try worker.jailed.send(request.frame.encoded())
    #expect(try worker.jailed.next() == nil)
    #expect(worker.jailed.wait() == 74)
  }

  @Test func `output beyond the limit`() throws {
    let worker = try JailedWorker()
    let flood = try worker.run(.python, "while True: print('x' * 1000)") { $0.outputBytes = 100_000 }
    #expect(flood.outcome == .outputTruncated)
    #expect(flood.standardOutput.totalCount == 100_000)
    let middle = try worker.run(.python, "print('a' * 1000 + 'b' * 5000 + 'c' * 999)") { $0.keptOutputBytes = 200 }
    #expect(middle.outcome == .ok && middle.standardOutput.totalCount == 7000)
    #expect(middle.output == String(repeating: "a", count: 100) + String(repeating: "c", count: 99) + "\n")
    #expect(middle.standardOutput.headCount == 100 && middle.standardOutput.omittedCount == 6800)
    let result = try worker.run(.python, "import cadre\ncadre.result('x' * 10000)") { $0.resultBytes = 1000 }
    #expect(result.outcome == .outputTruncated && result.result == nil)
    let bytes = try worker.run(.python, "import sys\nsys.stdout.buffer.write(b'\\xff\\x00\\x1b[2J')")
    #expect(bytes.standardOutput.bytes == [255, 0, 0x1b, 0x5b, 0x32, 0x4a])
  }

  @Test func `the scratch folder has a limit of bytes and of files`() throws {
    let worker = try JailedWorker()
    let bytes = try worker.run(.python, "i = 0\nwhile True:\n  open(str(i % 8), 'w').write('x' * (1 << 20))\n  i += 1")
    {
      $0.scratchBytes = 4 << 20
    }
    #expect(bytes.outcome == .disk)
    let files = try worker.run(.python, "import os\ni = 0\nwhile True:\n  os.mkdir(f'd{i}')\n  i += 1") {
      $0.scratchFiles = 40
    }
    #expect(files.outcome == .disk)
  }

  @Test func `a session keeps globals, a run without one does not, a trap ends it`() throws {
    let worker = try JailedWorker()
    #expect(try worker.run(.python, "x = 41", isSession: true).keepsSession)
    #expect(try worker.run(.python, "x", isSession: false).outcome == .exitNonzero)
    #expect(try worker.run(.python, "x + 1", isSession: true).resultText == "42")
    #expect(try worker.run(.python, "raise ValueError", isSession: true).keepsSession)
    #expect(try worker.run(.python, "x", input: "i", isSession: true).resultText == "41")
    let lost = try worker.run(.python, "while True: pass", isSession: true) { $0.wallMilliseconds = 200 }
    #expect(!lost.keepsSession)
    #expect(try worker.run(.python, "x", isSession: true).outcome == .exitNonzero)
  }

  @Test func `tables and plots are files in the scratch folder`() throws {
    let worker = try JailedWorker()
    let report = try worker.run(
      .python,
      """
      import cadre, os
      print(cadre.table([{"a": 1, "b": "x,y"}, {"a": 2}], "data/t"))
      for kind in ("line", "scatter", "bar"):
          cadre.plot({"<s>": [1, 4, 9], "t": [(0, 1), (2, 3)]}, kind, kind=kind, title="a < b")
      print(open("data/t.csv").read(), sorted(os.listdir()))
      """)
    #expect(report.outcome == .ok, "\(report.errors)")
    #expect(report.output.contains("a,b\n1,\"x,y\"\n2,\n"))
    #expect(report.output.contains("['bar.svg', 'data', 'line.svg', 'scatter.svg']"))
    #expect(report.metering.scratchFiles == 5 && report.metering.scratchBytes > 1000)
    let drawn = String(decoding: TestFile.read(worker.jailed.scratch + "/line.svg"), as: UTF8.self)
    #expect(drawn.hasPrefix("<svg") && drawn.contains("a &lt; b") && !drawn.contains("<s>"))
  }

  @Test func `nothing of the host is visible`() throws {
    let worker = try JailedWorker()
    let report = try worker.run(
      .python,
      """
      import os, sys, platform
      print(dict(os.environ), sys.argv, os.getcwd())
      for path in ("/", "/proc", "/etc", "/tmp", "/usr/lib", "..", "/scratch/.."):
          try:
              print(path, os.listdir(path))
          except OSError:
              pass
      """)
    #expect(report.outcome == .ok)
    #expect(report.output == "{} ['program.py'] /scratch\n")
  }

  @Test func `requests that are refused do not reach the engine`() throws {
    let worker = try JailedWorker()
    var request = RunRequest(id: "run", runtime: .python, source: [0xff, 0xfe])
    try worker.jailed.send(request.frame.encoded())
    #expect(try RunReport(#require(try worker.jailed.next())).outcome == .denied)
    request = RunRequest(id: "run", runtime: .python, source: [], arguments: Array("nul".utf8))
    try worker.jailed.send(request.frame.encoded())
    #expect(try RunReport(#require(try worker.jailed.next())).outcome == .denied)
    try worker.jailed.send([0, 0, 0, 7, 1, 0, 0, 0, 0, 0, 0])
    #expect(try worker.jailed.next() == nil)
    #expect(worker.jailed.wait() == WorkerProcess.Status.noSupervisor)
  }
}
