import Foundation
import Telemetry
import Testing

@Suite struct LoggerTests {
  private func lines(_ body: (Logger) -> Void) -> [[String: Any]] {
    let sink = MemoryLogSink()
    body(Logger(service: "s", minimum: .info, sink: sink))
    return sink.lines.map { (try? JSONSerialization.jsonObject(with: Data($0.utf8))) as? [String: Any] ?? [:] }
  }

  @Test func `lines are JSON with time, level, service, message, ids and attributes`() throws {
    let trace = try #require(TraceContext(traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"))
    let written = lines { logger in
      logger.warning(
        "hello", ["n": .int(3), "t": .bool(true), "d": .double(.nan), "s": .string("a\"\n\u{1}b")], trace: trace)
      logger.debug("below the level")
    }
    #expect(written.count == 1)
    let line = try #require(written.first)
    #expect(line["level"] as? String == "warning" && line["service"] as? String == "s")
    #expect(line["trace_id"] as? String == "0af7651916cd43dd8448eb211c80319c")
    #expect(line["n"] as? Int == 3 && line["s"] as? String == "a\"\n\u{1}b" && line["d"] is NSNull)
  }

  @Test func `secrets are hidden by the name of their field and by their looks`() throws {
    let line = try #require(
      lines {
        $0.info(
          "m",
          [
            "authorization": .string("x"), "api_key": .string("x"), "input_tokens": .int(5),
            "url": .string("http://u:pass@h/"),
            "error": .string("Bearer abcdefghijk and sk-abcdefghijkl and cadre_0123456789abcdef0123"),
          ])
      }.first)
    #expect(line["authorization"] as? String == "[redacted]" && line["api_key"] as? String == "[redacted]")
    #expect(line["input_tokens"] as? Int == 5)
    let text = "\(line)"
    for secret in ["pass@", "abcdefghijk", "0123456789abcdef"] { #expect(!text.contains(secret)) }
  }

  @Test func `a flood of one message is thinned out, others pass`() {
    let written = lines { logger in
      for _ in 0..<10_000 { logger.info("flood") }
      logger.info("other")
    }
    #expect(written.filter { $0["message"] as? String == "flood" }.count < 100)
    #expect(written.filter { $0["message"] as? String == "other" }.count == 1)
  }

  @Test func `a line is cut before it grows without bound, and stays JSON`() throws {
    let long = String(repeating: "x", count: 10_000)
    let written = lines { logger in
      logger.info(
        "m", ["a": .string(long), "b": .string(long), "c": .string(long), "d": .string(long), "e": .string(long)])
    }
    #expect(written.first?["message"] as? String == "m")
    #expect("\(written)".count < 40_000)
  }

  @Test func `lines reach the file in order`() throws {
    let path = NSTemporaryDirectory() + "cadre-log-\(getpid())"
    let descriptor = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0o600)
    defer { unlink(path) }
    let sink = FileLogSink(descriptor: descriptor)
    for number in 0..<1000 { sink.write("line \(number)") }
    sink.flush()
    // The writing thread may hold the last batch for a moment.
    for _ in 0..<6000 {
      let text = try String(contentsOfFile: path, encoding: .utf8)
      if text.split(separator: "\n").count == 1000 { break }
      Thread.sleep(forTimeInterval: 0.01)
    }
    let text = try String(contentsOfFile: path, encoding: .utf8)
    #expect(text.split(separator: "\n").map(String.init) == (0..<1000).map { "line \($0)" })
  }
}
