import Contracts
import JSON
import Primitives
import Testing

@Suite struct LeaseMessageTests {
  private static let number = UUID(high: 0x0193_87a2_c1d4_7b3e, low: 0x8f2a_4c6d_8e0f_1a2b)

  static func lease(isFull: Bool = true) -> StepLease {
    var lease = StepLease(
      step: StepID(number), run: RunID(number), task: TaskID(number), tenant: TenantID(number), key: "plan", attempt: 3,
      token: number, leaseMilliseconds: 15_000, deadline: Timestamp(unixMicroseconds: 1_795_214_045_123_000),
      assertion: "v1.x.y", input: Array(#"{"prompt":"ü\n"}"#.utf8))
    guard isFull else { return lease }
    lease.principal = "key:me"
    lease.agent = "writer"
    lease.project = "project_1"
    lease.model = "tier:small"
    lease.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    lease.journal = [
      JournalEntry(
        kind: .model, call: Array(#"{"index":0,"request_sha256":"ab"}"#.utf8), result: Array(#"{"a":[1,2]}"#.utf8)),
      JournalEntry(kind: .tool, call: Array(#"{"request_sha256":"cd"}"#.utf8), result: Array("null".utf8)),
    ]
    lease.previousFailure = PreviousFailure(code: "invalid_plan", message: "no", continues: true)
    return lease
  }

  @Test(arguments: [true, false])
  func `a lease is read as it was written`(isFull: Bool) throws {
    let lease = Self.lease(isFull: isFull)
    let bytes = LeaseAnswer([lease, lease]).document()
    let answer = try #require(LeaseAnswer(try JSONDocument(parsing: bytes).root))
    #expect(answer.leases == [lease, lease])
    #expect(answer.unreadableCount == 0)
    if isFull { #expect(answer.leases[0].journal.map(\.requestSHA256) == ["ab", "cd"]) }
  }

  @Test func `a reader takes members that it does not know, and leaves out what is optional`() throws {
    var text = String(decoding: LeaseAnswer([Self.lease(isFull: false)]).document(), as: UTF8.self)
    text = text.replacing("\"journal\":[]", with: "\"novelty\":{\"a\":1},\"previous_failure\":null,\"agent\":null")
    let answer = try #require(LeaseAnswer(try JSONDocument(parsing: text).root))
    #expect(answer.leases == [Self.lease(isFull: false)])
  }

  @Test(arguments: ["step_id", "run_id", "tenant_id", "attempt", "token", "lease_ms", "assertion", "input"])
  func `a lease without what no worker can do without is counted, and the others are read`(member: String) throws {
    let good = Self.lease()
    let text = String(decoding: LeaseAnswer([good, good]).document(), as: UTF8.self)
    let range = try #require(text.firstRange(of: "\"\(member)\""))
    let broken = text[..<range.lowerBound] + "\"other\"" + text[range.upperBound...]
    let answer = try #require(LeaseAnswer(try JSONDocument(parsing: String(broken)).root))
    #expect(answer.leases == [good])
    #expect(answer.unreadableCount == 1)
  }

  @Test func `a lease whose journal has a hole is not taken`() throws {
    let text = String(decoding: LeaseAnswer([Self.lease()]).document(), as: UTF8.self)
    let broken = text.replacing("\"request_sha256\":\"cd\"", with: "\"other\":1")
    #expect(LeaseAnswer(try JSONDocument(parsing: broken).root)?.unreadableCount == 1)
  }

  @Test(arguments: [("1", 100), ("999999999999", 86_400_000)] as [(String, Int64)])
  func `a worker believes leases within limits`(said: String, believed: Int64) throws {
    let text = String(decoding: LeaseAnswer([Self.lease()]).document(), as: UTF8.self)
      .replacing("\"lease_ms\":15000", with: "\"lease_ms\":\(said)")
    #expect(LeaseAnswer(try JSONDocument(parsing: text).root)?.leases.first?.leaseMilliseconds == believed)
  }

  @Test(arguments: ["null", "[]", "{}", #"{"leases":{}}"#, #"{"leases":null}"#, "3"])
  func `what is no answer is none`(text: String) throws {
    #expect(LeaseAnswer(try JSONDocument(parsing: text).root) == nil)
  }

  @Test func `a request is read as it was written`() throws {
    let request = LeaseRequest(worker: "w-1", jobTypes: ["agent", "bench"], slots: 7, waitMilliseconds: 30_000)
    #expect(try LeaseRequest(try JSONDocument(parsing: request.document()).root) == request)
  }

  @Test func `a writer keeps to the limits of the reader`() throws {
    let wild = LeaseRequest(
      worker: String(repeating: "w\0", count: 300), jobTypes: (0..<40).map { "t\($0)" }, slots: .max,
      waitMilliseconds: .max)
    #expect(try LeaseRequest(try JSONDocument(parsing: wild.document()).root) == wild)
    let none = LeaseRequest(worker: "", jobTypes: [], slots: -4, waitMilliseconds: -4)
    #expect(try LeaseRequest(try JSONDocument(parsing: none.document()).root) == none)
  }

  @Test(
    arguments: [
      ("[]", [""]), ("{}", ["/worker", "/job_types", "/slots"]),
      (#"{"worker":"","job_types":[],"slots":1}"#, ["/worker"]),
      (#"{"worker":"w","job_types":[1],"slots":1}"#, ["/job_types/0"]),
      (#"{"worker":"w","job_types":[],"slots":0}"#, ["/slots"]),
      (#"{"worker":"w","job_types":[],"slots":257}"#, ["/slots"]),
      (#"{"worker":"w","job_types":[],"slots":1.5}"#, ["/slots"]),
      (#"{"worker":"w","job_types":[],"slots":1,"wait_ms":60001}"#, ["/wait_ms"]),
      (#"{"worker":"w","job_types":[],"slots":1,"wait":1}"#, ["/wait"]),
    ] as [(String, [String])])
  func `every fault of a request is named`(text: String, pointers: [String]) throws {
    let root = try JSONDocument(parsing: text).root
    do throws(JSONFieldsError) {
      _ = try LeaseRequest(root)
      Issue.record("\(text) is taken")
    } catch { #expect(error.faults.map(\.pointer) == pointers) }
  }
}
