import Contracts
import JSON
import Primitives
import Testing

@Suite struct WaitMessageTests {
  private static let token = UUID(high: 1, low: 2)
  private static let asks = [
    StepAsk(
      key: "turn-3/call.1", kind: .approval, tool: "run_python", subject: Array(#"{"code":"ü"}"#.utf8),
      expiresMilliseconds: 60_000),
    StepAsk(key: "q", kind: .question, subject: Array(#""Which one?""#.utf8)),
    StepAsk(key: "u", kind: .unknownOutcome, tool: "t", subject: Array("[1]".utf8)),
  ]

  private static func result(_ text: some StringProtocol) throws -> ResultRequest {
    var fields = JSONFields(try JSONDocument(parsing: String(text)).root)
    return try ResultRequest.read(&fields).0
  }

  private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

  @Test(arguments: [ResultRequest.Outcome.wait(Self.asks), .released])
  func `a step that is not done is read as it was written`(outcome: ResultRequest.Outcome) throws {
    let request = ResultRequest(token: Self.token, attempt: 4, calls: [ReportTests.call], outcome: outcome)
    let read = try Self.result(Self.text(request.document()))
    #expect(read.outcome == outcome && read.calls == request.calls && read.attempt == 4)
  }

  @Test(
    arguments: [
      (#"{"asks":[]}"#, "/wait/asks"), (#"{}"#, "/wait/asks"), ("3", "/wait"),
      (#"{"asks":[3]}"#, "/wait/asks/0"),
      (#"{"asks":[{"key":"a b","kind":"question","subject":1}]}"#, "/wait/asks/0/key"),
      (#"{"asks":[{"key":"","kind":"question","subject":1}]}"#, "/wait/asks/0/key"),
      (#"{"asks":[{"key":"a","kind":"wish","subject":1}]}"#, "/wait/asks/0/kind"),
      (#"{"asks":[{"key":"a","kind":"question"}]}"#, "/wait/asks/0/subject"),
      (#"{"asks":[{"key":"a","kind":"question","subject":1,"expires_ms":-1}]}"#, "/wait/asks/0/expires_ms"),
      (#"{"asks":[{"key":"a","kind":"question","subject":1,"more":0}]}"#, "/wait/asks/0/more"),
      (
        #"{"asks":[{"key":"a","kind":"question","subject":1},{"key":"a","kind":"question","subject":2}]}"#,
        "/wait/asks/1/key"
      ),
    ] as [(String, String)])
  func `every fault of a wait is named`(wait: String, pointer: String) {
    do {
      _ = try Self.result("{\"token\":\"\(Self.token)\",\"attempt\":1,\"wait\":\(wait)}")
      Issue.record("\(wait) is taken")
    } catch { #expect((error as? JSONFieldsError)?.faults.first?.pointer == pointer) }
  }

  @Test func `a wait has limits`() {
    let long = String(repeating: "x", count: WorkerLimits.askSubjectBytesMax)
    let large = #"{"asks":[{"key":"a","kind":"question","subject":"\#(long)"}]}"#
    let many = (0...WorkerLimits.asksMax).map { #"{"key":"\#($0)","kind":"question","subject":1}"# }
    for wait in [large, "{\"asks\":[\(many.joined(separator: ","))]}"] {
      #expect(throws: JSONFieldsError.self) {
        try Self.result("{\"token\":\"\(Self.token)\",\"attempt\":1,\"wait\":\(wait)}")
      }
    }
  }

  @Test(arguments: [
    #""released":false"#, #""released":1"#, #""released":true,"output":1"#,
    #""output":1,"wait":{"asks":[{"key":"a","kind":"question","subject":1}]}"#,
  ])
  func `a result has exactly one outcome`(rest: String) {
    #expect(throws: JSONFieldsError.self) {
      try Self.result("{\"token\":\"\(Self.token)\",\"attempt\":1,\(rest)}")
    }
  }

  @Test func `a lease has the answers, and an old one has none`() throws {
    var lease = LeaseMessageTests.lease()
    lease.jobType = "agent"
    let at = Timestamp(unixMicroseconds: 1_795_214_045_123_000)
    lease.answers = [
      StepAnswer(
        key: "a", kind: .approval, answer: Array(#"{"approved":true}"#.utf8), subjectSHA256: "ab", by: "key:me", at: at),
      StepAnswer(key: "b", kind: .question, answer: StepAnswer.expired, subjectSHA256: "cd", by: nil, at: at),
    ]
    let text = Self.text(LeaseAnswer([lease]).document())
    #expect(LeaseAnswer(try JSONDocument(parsing: text).root)?.leases == [lease])
    #expect(lease.answers.map(\.isExpired) == [false, true])
    // A question whose answer cannot be read would be asked again.
    let broken = text.replacing("\"kind\":\"question\"", with: "\"kind\":\"wish\"")
    #expect(LeaseAnswer(try JSONDocument(parsing: broken).root)?.unreadableCount == 1)
    #expect(LeaseMessageTests.lease().answers.isEmpty)
  }

  @Test func `a journal has intents and notes, and nothing that nobody knows`() throws {
    var lease = LeaseMessageTests.lease(isFull: false)
    lease.journal = [CallReport.Kind.intent, .note, .tool, .model].map { kind in
      JournalEntry(kind: kind, call: Array(#"{"request_sha256":"ab"}"#.utf8), result: Array("1".utf8))
    }
    let text = Self.text(LeaseAnswer([lease]).document())
    #expect(LeaseAnswer(try JSONDocument(parsing: text).root)?.leases == [lease])
    let novel = text.replacing("\"kind\":\"intent\"", with: "\"kind\":\"deed\"")
    #expect(LeaseAnswer(try JSONDocument(parsing: novel).root)?.unreadableCount == 1)
  }

  @Test func `heartbeats are read as they were written`() throws {
    let request = HeartbeatRequest(
      worker: "w\0",
      leases: (1...3).map { .init(step: StepID(UUID(high: 7, low: UInt64($0))), token: Self.token, attempt: $0) })
    #expect(try HeartbeatRequest(try JSONDocument(parsing: request.document()).root) == request)
    let answer = HeartbeatAnswer([
      .init(step: StepID(Self.token), outcome: .held(leaseMilliseconds: 15_000, assertion: "a")),
      .init(step: StepID(Self.token), outcome: .held(leaseMilliseconds: 100, assertion: nil)),
      .init(step: StepID(Self.token), outcome: .lost),
    ])
    #expect(HeartbeatAnswer(try JSONDocument(parsing: answer.document()).root) == answer)
  }

  @Test(
    arguments: [
      ("[]", ""), (#"{"worker":"w"}"#, "/leases"), (#"{"worker":"w","leases":[1]}"#, "/leases/0"),
      (#"{"worker":"w","leases":[{"step_id":"x","token":"T","attempt":1}]}"#, "/leases/0/step_id"),
      (#"{"worker":"w","leases":[{"step_id":"S","token":"x","attempt":1}]}"#, "/leases/0/token"),
      (#"{"worker":"w","leases":[{"step_id":"S","token":"T","attempt":0}]}"#, "/leases/0/attempt"),
      (#"{"worker":"w","leases":[{"step_id":"S","token":"T","attempt":1,"more":1}]}"#, "/leases/0/more"),
    ] as [(String, String)])
  func `every fault of heartbeats is named`(text: String, pointer: String) throws {
    let whole = text.replacing("\"T\"", with: "\"\(Self.token)\"")
      .replacing("\"S\"", with: "\"\(StepID(Self.token).description)\"")
    let root = try JSONDocument(parsing: whole).root
    do throws(JSONFieldsError) {
      _ = try HeartbeatRequest(root)
      Issue.record("\(text) is taken")
    } catch { #expect(error.faults.first?.pointer == pointer) }
  }

  @Test func `more heartbeats than fit are refused`() throws {
    let lease = HeartbeatRequest.Lease(step: StepID(Self.token), token: Self.token, attempt: 1)
    for (count, isTaken) in [(WorkerLimits.heartbeatsMax, true), (WorkerLimits.heartbeatsMax + 1, false)] {
      let request = HeartbeatRequest(worker: "w", leases: Array(repeating: lease, count: count))
      let root = try JSONDocument(parsing: request.document()).root
      #expect(((try? HeartbeatRequest(root)) != nil) == isTaken)
    }
  }

  @Test(arguments: [
    "null", "{}", #"{"leases":{}}"#,
    #"{"leases":[1,{"step_id":"x","status":"held"},{"step_id":"S","status":"perhaps"},{"step_id":"S"}]}"#,
  ])
  func `an answer that says nothing of a lease ends none`(text: String) throws {
    let whole = text.replacing("\"S\"", with: "\"\(StepID(Self.token).description)\"")
    #expect(HeartbeatAnswer(try JSONDocument(parsing: whole).root)?.entries.isEmpty ?? true)
  }
}
