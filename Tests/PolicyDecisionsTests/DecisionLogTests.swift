import Foundation
import JSON
import Policy
import Primitives
import Testing

@testable import PolicyDecisions

@Suite("Decision log")
struct DecisionLogTests {
  private func lines(_ sink: MemoryDecisions) throws -> [JSONDocument] {
    try sink.lines.map { try JSONDocument(parsing: $0) }
  }

  @Test func `a decision is a line in the schema of OPA`() async throws {
    let sink = MemoryDecisions()
    let log = DecisionLog(sink, mask: try #require(DecisionMask()), labels: [("id", "gateway-1"), ("version", "1.2")])
    let engine = Sample.engine(try Sample.bundle(Sample.module), log: log)
    let answer = await engine.decide(try Sample.query())
    _ = await engine.decide(try Sample.query())
    engine.flush()
    let lines = try lines(sink)
    let root = try #require(lines.first).root
    #expect(root["decision_id"]?.string == answer.decisionID)
    #expect(root["path"]?.string == "cadre/http/decision")
    #expect(root["labels"]?["id"]?.string == "gateway-1")
    #expect(root["bundles"]?["cadre"]?["revision"]?.string == answer.revision)
    #expect(root["input"]?["subject"]?["role"]?.string == "viewer")
    #expect(root["result"]?["effect"]?.string == "allow")
    #expect(root["timestamp"]?.string?.hasSuffix("Z") == true)
    #expect((root["metrics"]?["timer_rego_query_eval_ns"]?.int ?? 0) > 0)
    #expect(root["custom"]?["cached"]?.bool == false)
    #expect(lines.count == 2 && lines[1].root["custom"]?["cached"]?.bool == true)
  }

  @Test func `secrets and masked members are left out, and it says so`() async throws {
    let sink = MemoryDecisions()
    let mask = try #require(DecisionMask(["/input/action/arguments/*/text", "/input/hidden", "/result/rule"]))
    let log = DecisionLog(sink, mask: mask, labels: [])
    let engine = Sample.engine(try Sample.bundle(Sample.module), log: log)
    let extra = """
      ,"hidden":{"x":"planted-1"},"nested":[{"api_key":"planted-2","Authorization":"planted-3","a/b":{"password":"planted-4"}}],
      "note":"use cadre_0123456789abcdefghijkl and Bearer planted-token","token_ok":true
      """
    _ = await engine.decide(try Sample.query(extra: extra))
    let query = PolicyQuery(
      path: Sample.http, input: try Sample.value(#"{"action":{"arguments":{"a":{"text":"planted-5","n":1}}}}"#),
      tenant: nil)
    _ = await engine.decide(query)
    engine.flush()
    let text = sink.lines.joined()
    #expect(!text.contains("planted") && !text.contains("0123456789abcdef"), "\(text)")
    let first = try #require(try lines(sink).first).root
    let erased = first["erased"].map { $0.elements.compactMap(\.string) } ?? []
    #expect(
      Set(erased) == [
        "/input/hidden", "/input/nested/0/api_key", "/input/nested/0/Authorization", "/input/nested/0/a~1b/password",
        "/result/rule",
      ])
    #expect(first["masked"].map { $0.elements.compactMap(\.string) } == ["/input/note"])
    #expect(first["input"]?["token_ok"]?.bool == true)
    #expect(text.contains(#""n":1"#))
  }

  @Test(arguments: ["input", "/other", "/", ""])
  func `a pointer to something else is not accepted`(_ pointer: String) { #expect(DecisionMask([pointer]) == nil) }

  @Test func `faults are logged, sampled allows are not`() async throws {
    let sink = MemoryDecisions()
    let log = DecisionLog(sink, mask: try #require(DecisionMask()), labels: [], allowedPercent: 0)
    let engine = Sample.engine(try Sample.bundle(Sample.module), log: log)
    for number in 0..<20 { _ = await engine.decide(try Sample.query(extra: ",\"n\":\(number)")) }
    _ = await engine.decide(try Sample.query(role: "nobody"))
    _ = await engine.decide(try Sample.query(path: ["none"]))
    engine.flush()
    let lines = try lines(sink)
    #expect(lines.count == 2)
    #expect(lines.last?.root["error"]?["code"]?.string == "undefined")
    #expect(lines.last?.root["result"] == nil)
  }

  @Test func `a long line loses its documents, not its decision`() async throws {
    let sink = MemoryDecisions()
    let engine = Sample.engine(
      try Sample.bundle(Sample.module), log: DecisionLog(sink, mask: try #require(DecisionMask()), labels: []))
    _ = await engine.decide(
      try Sample.query(extra: ",\"long\":\"\(String(repeating: "x", count: DecisionRecord.lineBytesMax))\""))
    engine.flush()
    let root = try #require(try lines(sink).first).root
    #expect(root["input"] == nil && root["custom"]?["effect"]?.string == "allow")
    #expect(root["erased"].map { $0.elements.compactMap(\.string) } == ["/input", "/result"])
  }

  private final class Stuck: DecisionLogSink {
    let gate = DispatchSemaphore(value: 0)
    func write(_ lines: [UInt8]) { gate.wait() }
  }

  @Test func `what cannot be written in time is dropped and counted`() throws {
    let sink = Stuck()
    let log = DecisionLog(sink, mask: try #require(DecisionMask()), labels: [])
    let query = try Sample.query()
    let record = DecisionRecord(
      query: query, answer: PolicyAnswer(effect: .deny), result: nil, message: "", dataRevision: "", nanoseconds: 0,
      time: .init(unixMicroseconds: 0))
    for _ in 0..<(DecisionLog.waitingMax * 3) { log.write(record) }
    #expect(log.dropped >= DecisionLog.waitingMax)
    for _ in 0..<1000 { sink.gate.signal() }
  }

  @Test func `a full file makes room for a new one`() throws {
    let path = NSTemporaryDirectory() + "cadre-decisions-\(UUID().uuidString)"
    let file = RotatingFile(path, bytesMax: 100, filesMax: 2)
    defer {
      for name in [path, path + ".1", path + ".2", path + ".3"] { try? FileManager.default.removeItem(atPath: name) }
    }
    #expect(file.open())
    for number in 0..<10 { file.write(Array("\(number)".utf8) + [UInt8](repeating: 120, count: 59)) }
    let sizes = try [path, path + ".1", path + ".2"].map { try Data(contentsOf: URL(fileURLWithPath: $0)) }
    #expect(sizes.map(\.count) == [60, 60, 60])
    #expect(sizes.map { $0.first } == [UInt8(ascii: "9"), UInt8(ascii: "8"), UInt8(ascii: "7")])
    #expect(!FileManager.default.fileExists(atPath: path + ".3"))
    let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    #expect(mode == 0o600)
    #expect(!RotatingFile("/proc/none/x").open())
  }
}
