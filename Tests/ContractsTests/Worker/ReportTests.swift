import Contracts
import JSON
import Primitives
import Testing

@Suite struct ReportTests {
  static let token = UUID(high: 1, low: 2)
  static let call = CallReport(
    kind: .model, index: 4, name: "gpt", requestSHA256: String(repeating: "a", count: 64),
    result: Array(#"{"answer":"ü"}"#.utf8),
    usage: Usage(inputTokens: 1, outputTokens: 2, costMicroUSD: 3, unpricedCalls: 4, modelCalls: 5),
    durationMilliseconds: 6)

  private static func journal(_ text: some StringProtocol) throws -> (JournalRequest, CallReport.Reading) {
    var fields = JSONFields(try JSONDocument(parsing: String(text)).root)
    return try JournalRequest.read(&fields)
  }

  private static func result(_ text: some StringProtocol) throws -> ResultRequest {
    var fields = JSONFields(try JSONDocument(parsing: String(text)).root)
    return try ResultRequest.read(&fields).0
  }

  private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

  @Test func `records are read as they were written`() throws {
    let tool = CallReport(kind: .tool, index: 5, name: "t", requestSHA256: "b", result: Array("null".utf8))
    let request = JournalRequest(token: Self.token, attempt: 2, calls: [Self.call, tool])
    // A result of null is no result.
    #expect(throws: JSONFieldsError.self) { try Self.journal(Self.text(request.document())) }
    let good = JournalRequest(token: Self.token, attempt: 2, calls: [Self.call])
    let (read, reading) = try Self.journal(Self.text(good.document()))
    #expect(read.token == good.token && read.attempt == 2 && read.calls == good.calls)
    #expect(reading.corrections.isEmpty)
    let heartbeat = try Self.journal(Self.text(JournalRequest(token: Self.token, attempt: 1).document())).0
    #expect(heartbeat.calls.isEmpty)
  }

  @Test(arguments: [
    ResultRequest.Outcome.output(Array(#"{"a":1}"#.utf8)), .output(Array("false".utf8)),
    .failure(FailureReport(code: "model_timeout", message: "late", isRetryable: true)),
  ])
  func `results are read as they were written`(outcome: ResultRequest.Outcome) throws {
    let request = ResultRequest(token: Self.token, attempt: 1, calls: [Self.call], outcome: outcome)
    let read = try Self.result(Self.text(request.document()))
    #expect(read.outcome == outcome && read.calls == [Self.call] && read.token == Self.token && read.attempt == 1)
  }

  @Test func `answers are read as they were written`() throws {
    for answer in [
      JournalAnswer(leaseMilliseconds: 15_000, assertion: "a"), JournalAnswer(leaseMilliseconds: 100, assertion: nil),
    ] {
      var writer = JSONWriter()
      writer.beginObject()
      answer.writeMembers(to: &writer)
      writer.endObject()
      #expect(JournalAnswer(try JSONDocument(parsing: writer.bytes).root) == answer)
    }
    let batch = ResultBatchAnswer([
      .init(step: "step_1", outcome: .accepted(ResultAnswer(runStatus: "succeeded"))),
      .init(step: "", outcome: .refused(status: 409, code: "lease_lost", detail: "gone")),
    ])
    var writer = JSONWriter()
    writer.beginObject()
    batch.writeMembers(to: &writer)
    writer.endObject()
    #expect(ResultBatchAnswer(try JSONDocument(parsing: writer.bytes).root) == batch)
    #expect(ResultBatchAnswer(try JSONDocument(parsing: "{}").root) == nil)
  }

  @Test func `each entry of a batch is judged by itself`() throws {
    let good = ResultRequest(token: Self.token, attempt: 1, outcome: .output(Array("1".utf8)))
    let step = StepID(Self.token)
    var text = Self.text(ResultBatch([.init(step: step, assertion: "a", result: good)]).document())
    text = text.replacing("]}", with: #",{"step_id":"x","output":1},7]}"#)
    var heads = try ResultBatch.heads(try JSONDocument(parsing: text).root)
    #expect(heads.map(\.step) == [step, nil, nil])
    #expect(heads.map(\.assertion) == ["a", nil, nil])
    #expect(try ResultRequest.read(&heads[0].fields).0.outcome == good.outcome)
    do throws(JSONFieldsError) {
      _ = try ResultRequest.read(&heads[1].fields)
      Issue.record("an entry without a token is taken")
    } catch { #expect(error.faults.map(\.pointer) == ["/results/1/token", "/results/1/attempt"]) }
    do throws(JSONFieldsError) {
      _ = try ResultRequest.read(&heads[2].fields)
      Issue.record("a number is taken")
    } catch { #expect(error.faults.first?.pointer == "/results/2") }
    let many = "{\"results\":[" + Array(repeating: "{}", count: 257).joined(separator: ",") + "]}"
    #expect(throws: JSONFieldsError.self) { try ResultBatch.heads(try JSONDocument(parsing: many).root) }
  }

  @Test(
    arguments: [
      ("-1", 0), ("1.5", 1), ("-0.5", 0), ("1e400", 1 << 53), ("-1e400", 0), ("9223372036854775807", 1 << 53),
      ("99999999999999999999", 1 << 53), ("1e3", 1000),
    ] as [(String, Int64)])
  func `what was paid is recorded whatever the number says`(said: String, recorded: Int64) throws {
    let text = Self.text(JournalRequest(token: Self.token, attempt: 1, calls: [Self.call]).document())
      .replacing("\"cost_microusd\":3", with: "\"cost_microusd\":\(said)")
    let (request, reading) = try Self.journal(text)
    #expect(request.calls.first?.usage.costMicroUSD == recorded)
    if said != "1e3" {
      #expect(reading.corrections.first?.members == ["cost_microusd"] && reading.corrections.first?.call == "gpt")
    }
  }

  @Test func `texts of providers are stored as far as they fit`() throws {
    let long = String(repeating: "é", count: 300)
    let text = Self.text(JournalRequest(token: Self.token, attempt: 1, calls: [Self.call]).document())
      .replacing("\"gpt\"", with: "\"\(long)\"")
    let name = try #require(try Self.journal(text).0.calls.first?.name)
    #expect(name.utf8.count == 200)
    let failing = #"{"token":"\#(Self.token)","attempt":1,"failure":{"code":"a\u0000","message":"\#(long)"}}"#
    guard case .failure(let failure) = try Self.result(failing).outcome else { return #expect(Bool(false)) }
    #expect(failure.code == "a\u{FFFD}" && failure.message == long && !failure.isRetryable)
  }

  @Test func `a writer brings numbers and texts within the limits`() {
    let wild = CallReport(
      kind: .model, index: 0, name: String(repeating: "\0", count: 900), requestSHA256: "d", result: [],
      usage: Usage(inputTokens: .max, outputTokens: .min, costMicroUSD: -1, unpricedCalls: 1, modelCalls: .max),
      durationMilliseconds: .min)
    #expect(wild.name.utf8.count <= 200 && !wild.name.utf8.contains(0))
    #expect(wild.usage.inputTokens == 1 << 53 && wild.usage.outputTokens == 0 && wild.durationMilliseconds == 0)
    #expect(FailureReport(code: "", message: "", isRetryable: false).code == "unknown")
  }

  @Test(
    arguments: [
      ("{}", ["/token", "/attempt"]), (#"{"token":"x","attempt":1}"#, ["/token"]),
      (#"{"token":"T","attempt":0}"#, ["/attempt"]), (#"{"token":"T","attempt":1000001}"#, ["/attempt"]),
      (#"{"token":"T","attempt":1,"calls":{}}"#, ["/calls"]),
      (#"{"token":"T","attempt":1,"calls":[1]}"#, ["/calls/0"]),
      (#"{"token":"T","attempt":1,"more":1}"#, ["/more"]),
      (
        #"{"token":"T","attempt":1,"calls":[{"kind":"x","index":-1,"name":1,"request_sha256":"","result":null}]}"#,
        ["/calls/0/kind", "/calls/0/index", "/calls/0/name", "/calls/0/request_sha256", "/calls/0/result"]
      ),
    ] as [(String, [String])])
  func `every fault of a record is named`(text: String, pointers: [String]) throws {
    let root = try JSONDocument(parsing: text.replacing("\"T\"", with: "\"\(Self.token)\"")).root
    var fields = JSONFields(root)
    do throws(JSONFieldsError) {
      _ = try JournalRequest.read(&fields)
      Issue.record("\(text) is taken")
    } catch { #expect(error.faults.map(\.pointer) == pointers) }
  }

  @Test(arguments: ["", #","output":1,"failure":{"code":"a","message":"b"}"#, #","output":null"#, #","failure":3"#])
  func `a result has exactly one outcome`(rest: String) {
    #expect(throws: JSONFieldsError.self) {
      try Self.result("{\"token\":\"\(Self.token)\",\"attempt\":1\(rest)}")
    }
  }

  @Test func `no request, however broken, stops the reader`() throws {
    var seed: UInt64 = 7
    func next(_ bound: Int) -> Int {
      seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(seed >> 33) % bound
    }
    let batch = ResultBatch([
      .init(
        step: StepID(Self.token), assertion: "a",
        result: ResultRequest(token: Self.token, attempt: 1, calls: [Self.call], outcome: .output(Array("{}".utf8))))
    ])
    let seeds = [
      batch.document(), LeaseAnswer([LeaseMessageTests.lease()]).document(),
      LeaseRequest(worker: "w", jobTypes: ["a"], slots: 1, waitMilliseconds: 1).document(),
      HeartbeatRequest(worker: "w", leases: [.init(step: StepID(Self.token), token: Self.token, attempt: 1)])
        .document(),
      HeartbeatAnswer([
        .init(step: StepID(Self.token), outcome: .held(leaseMilliseconds: 500, assertion: "a")),
        .init(step: StepID(Self.token), outcome: .lost),
      ]).document(),
      ResultRequest(
        token: Self.token, attempt: 1,
        outcome: .wait([
          StepAsk(key: "a", kind: .approval, tool: "t", subject: Array("[1]".utf8), expiresMilliseconds: 5)
        ])
      ).document(), ResultRequest(token: Self.token, attempt: 1, outcome: .released).document(),
    ]
    let splices = ["null", "{}", "[]", "-1e999", "\"\\u0000\"", "99999999999999999999", "true"].map { Array($0.utf8) }
    var readable = 0
    for round in 0..<6000 {
      var bytes = seeds[round % seeds.count]
      for _ in 0...next(3) {
        // Replaces a value: what stands between a colon and the next comma or brace.
        guard let colon = bytes.indices.filter({ bytes[$0] == UInt8(ascii: ":") }).dropFirst(next(12)).first else {
          continue
        }
        let end = bytes[(colon + 1)...].firstIndex { ",}]".utf8.contains($0) } ?? bytes.count
        bytes.replaceSubrange((colon + 1)..<end, with: splices[next(splices.count)])
      }
      guard let root = try? JSONDocument(parsing: bytes).root else { continue }
      readable += 1
      for var head in (try? ResultBatch.heads(root)) ?? [] { _ = try? ResultRequest.read(&head.fields) }
      _ = LeaseAnswer(root)
      _ = ResultBatchAnswer(root)
      _ = try? LeaseRequest(root)
      _ = try? HeartbeatRequest(root)
      _ = HeartbeatAnswer(root)
      var result = JSONFields(root)
      _ = try? ResultRequest.read(&result)
      var fields = JSONFields(root)
      _ = try? JournalRequest.read(&fields)
    }
    #expect(readable > 1000)
  }
}
