import HTTP
import HTTPWire
import Postgres
import PostgresTestKit
import Primitives
import Reactor
import SystemSources
import Testing

@testable import Contracts
@testable import GatewayAnswers

extension AnswersTests {
  @Suite(.serialized) struct WithPostgres {
    private let database: TestCluster

    init() throws { database = try AnswersDatabase.shared.get() }

    @Test func `a repetition gets the answer of the first, at any replica, and nothing is done again`() async throws {
      try await AnswersFixture.run(replicas: 2) { (gateway: AnswersFixture) async throws -> Void in
        let first = try await gateway.post()
        #expect(first.status == 201 && !first.isRepeated)
        for replica in [0, 1] {
          let again = try await gateway.post(replica: replica)
          #expect(again.status == 201)
          #expect(again.text == first.text)
          #expect(again.location == first.location)
          #expect(again.isRepeated)
        }
        #expect(gateway.effects.count == 1)
        #expect(try await gateway.post(key: "other").text != first.text)
        #expect(try await gateway.post(key: nil).text != first.text)
      }
    }

    @Test func `a key belongs to its request, its subject and its tenant`() async throws {
      try await AnswersFixture.run { (gateway: AnswersFixture) async throws -> Void in
        _ = try await gateway.post()
        let other = try await gateway.post(body: "{ }")
        #expect(other.status == 422)
        #expect(other.text.contains("\"code\":\"idempotency_key_reused\""))
        #expect(try await gateway.post("/things?x=1").status == 422)
        #expect(try await gateway.post(who: "bob").isRepeated == false)
        #expect(try await gateway.post(tenant: .make()).isRepeated == false)
        #expect(gateway.effects.count == 3)
      }
    }

    @Test func `of requests at the same time one is carried out, the others are told to wait`() async throws {
      try await AnswersFixture.run(replicas: 2) { (gateway: AnswersFixture) async throws -> Void in
        gateway.effects.hold(true)
        try await withThrowingTaskGroup(of: AnswersFixture.Answer.self) { group in
          group.addTask { try await gateway.post() }
          try await gateway.until("the first is under way") { gateway.effects.count == 1 }
          for number in 0..<10 {
            let other = try await gateway.post(replica: number % 2)
            #expect(other.status == 409)
            #expect(other.text.contains("\"code\":\"idempotency_in_progress\""))
          }
          gateway.effects.hold(false)
          for try await first in group { #expect(first.status == 201) }
        }
        #expect(try await gateway.post().isRepeated)
        #expect(gateway.effects.count == 1)
      }
    }

    @Test func `many at once carry out one`() async throws {
      try await AnswersFixture.run(replicas: 2) { (gateway: AnswersFixture) async throws -> Void in
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
          for number in 0..<40 { group.addTask { try await gateway.post(replica: number % 2).status } }
          return try await group.reduce(into: [Int]()) { $0.append($1) }
        }
        #expect(gateway.effects.count == 1)
        #expect(Set(statuses).isSubset(of: [201, 409]))
        #expect(statuses.contains(201))
      }
    }

    @Test(arguments: [
      (200, true), (202, true), (204, true), (400, true), (404, true), (409, true), (422, true), (401, false),
      (403, false), (429, false), (503, false),
    ])
    func `what lasts is kept, what passes is not`(status: Int, isKept: Bool) async throws {
      try await AnswersFixture.run { (gateway: AnswersFixture) async throws -> Void in
        gateway.effects.answer { _ in
          HTTPResponse(HTTPStatus(code: status), body: status == 204 ? .empty : .bytes([0x7B, 0x7D]))
        }
        #expect(try await gateway.post().status == status)
        let again = try await gateway.post()
        #expect(again.status == status)
        #expect(again.isRepeated == isKept)
        #expect(gateway.effects.count == (isKept ? 1 : 2))
      }
    }

    @Test func `a problem that is thrown is kept like one that is answered`() async throws {
      try await AnswersFixture.run { (gateway: AnswersFixture) async throws -> Void in
        gateway.effects.answer { _ in throw Problem(.invalidInput, "no") }
        let first = try await gateway.post()
        #expect(first.status == 422)
        let again = try await gateway.post()
        #expect(again.isRepeated && again.text == first.text)
      }
    }

    @Test(arguments: [500, 502, 504])
    func `after a failure nobody knows, and nothing is done again`(status: Int) async throws {
      try await AnswersFixture.run { (gateway: AnswersFixture) async throws -> Void in
        gateway.effects.answer { _ in HTTPResponse(HTTPStatus(code: status)) }
        #expect(try await gateway.post().status == status)
        let again = try await gateway.post()
        #expect(again.status == 409)
        #expect(again.text.contains("\"code\":\"idempotency_outcome_unknown\""))
        #expect(gateway.effects.count == 1)
      }
    }

    @Test func `a process that ended between the effect and its answer leaves an outcome that is unknown`() async throws
    {
      let database = database
      try await AnswersFixture.run { (gateway: AnswersFixture) async throws -> Void in
        _ = try await gateway.post(key: "crashed")
        // What the row looks like when the process ended before it wrote the answer.
        _ = try database.query(
          "update answer set state = 'begun', status = null, headers = null, body = null where key = 'crashed'")
        #expect(try await gateway.post(key: "crashed").text.contains("idempotency_in_progress"))
        _ = try database.query("update answer set locked_until = now() - interval '1 second' where key = 'crashed'")
        let later = try await gateway.post(key: "crashed")
        #expect(later.status == 409)
        #expect(later.text.contains("\"code\":\"idempotency_outcome_unknown\""))
        #expect(gateway.effects.count == 1)
      }
    }

    @Test func `only who holds the lock may end the row`() async throws {
      let database = database
      try await AnswersFixture.run { (gateway: AnswersFixture) async throws -> Void in
        gateway.effects.hold(true)
        try await withThrowingTaskGroup(of: Int.self) { group in
          group.addTask { try await gateway.post(key: "slow").status }
          try await gateway.until("the first is under way") { gateway.effects.count == 1 }
          // Its time is over and another process has the key.
          _ = try database.query("update answer set fence = gen_random_uuid() where key = 'slow'")
          gateway.effects.hold(false)
          for try await status in group { #expect(status == 201) }
        }
        #expect(try database.query("select state from answer where key = 'slow'") == "begun")
      }
    }

    @Test func `an answer that is too large, secret or a stream is not kept, and that is said`() async throws {
      try await AnswersFixture.run { (gateway: AnswersFixture) async throws -> Void in
        let makers: [@Sendable (Int) -> HTTPResponse] = [
          { _ in .json(.created, [UInt8](repeating: 0x20, count: KeptAnswer.bodyBytesMax + 1)) },
          { _ in
            var answer = HTTPResponse.json(.created, Array("{\"key\":\"cadre_secret\"}".utf8))
            answer.headers.append(.cacheControl, "no-store")
            return answer
          },
          { _ in
            var answer = HTTPResponse.text(.ok, "welcome")
            answer.headers.append(.setCookie, "session=secret")
            return answer
          },
          { _ in HTTPResponse(.ok, body: .stream(length: nil) { try await $0.write([0x41]) }) },
        ]
        for (number, maker) in makers.enumerated() {
          gateway.effects.answer(maker)
          _ = try await gateway.post(key: "n\(number)")
          let again = try await gateway.post(key: "n\(number)")
          #expect(again.status == 409)
          #expect(again.text.contains("\"code\":\"idempotency_answer_not_kept\""))
          #expect(again.text.contains("\"answered_status\":20"))
        }
        #expect(gateway.effects.count == makers.count)
      }
      #expect(try database.query("select count(*) from answer where encode(body, 'escape') like '%secret%'") == "0")
    }

    @Test func `keys of models and of services that honour them are not kept here`() async throws {
      try await AnswersFixture.run { (gateway: AnswersFixture) async throws -> Void in
        let honoured = try await gateway.post("/honoured")
        #expect(honoured.note == nil)
        #expect(try await gateway.post("/honoured").isRepeated == false)
        #expect(try await gateway.post("/model").note == "ignored")
        #expect(try await gateway.post("/model").isRepeated == false)
        #expect(gateway.effects.count == 4)
      }
    }

    @Test(arguments: [String(repeating: "k", count: 256)])
    func `a key that is none is refused`(key: String) async throws {
      try await AnswersFixture.run { (gateway: AnswersFixture) async throws -> Void in
        #expect(try await gateway.post(key: key).status == 400)
        #expect(gateway.effects.count == 0)
      }
    }

    @Test func `hostile keys are texts like others`() async throws {
      try await AnswersFixture.run { (gateway: AnswersFixture) async throws -> Void in
        let keys = ["'; drop table answer; --", "%00", "\u{1F600}", "a\tb", "{\"a\":1}", "$1"]
        for key in keys {
          #expect(try await gateway.post(key: key).status == 201)
          #expect(try await gateway.post(key: key).isRepeated)
        }
      }
      #expect(Int(try database.query("select count(*) from answer")) ?? 0 > 0)
    }

    @Test func `what is over is removed, and its key is new again`() async throws {
      let database = database
      try await AnswersFixture.run { (gateway: AnswersFixture) async throws -> Void in
        let first = try await gateway.post(key: "old")
        _ = try database.query("update answer set expires_at = now() - interval '1 second' where key = 'old'")
        let again = try await gateway.post(key: "old")
        #expect(!again.isRepeated && again.text != first.text)
        _ = try database.query("update answer set expires_at = now() - interval '1 second' where key = 'old'")
        let sweeping = try #require(EventLoop.current).task { await gateway.answers[0].run() }
        try await gateway.until("the row is removed") {
          try database.query("select count(*) from answer where key = 'old'") == "0"
        }
        sweeping.cancel()
        _ = await sweeping.result
      }
    }

    @Test func `the statements are what they declare`() {
      #expect(AnswerStore.Statements.faults.isEmpty)
    }
  }

  /// What is in the way of Postgres.
  struct BrokenStore: AnswerStoring {
    struct Broken: Error {}
    var breaksEnd = false

    func begin(_ key: AnswerKey, digest: [UInt8], fence: UUID) async throws -> KnownAnswer {
      if breaksEnd { return .first }
      throw Broken()
    }
    func end(_ key: AnswerKey, fence: UUID, _ ending: AnswerEnding) async throws { throw Broken() }
    func removeExpired(rowsMax: Int) async throws -> Int { throw Broken() }
  }

  @Suite(.serialized) struct WithoutPostgres {
    @Test func `while Postgres is away nothing is done for a request with a key`() async throws {
      try await AnswersFixture.run(store: BrokenStore()) { (gateway: AnswersFixture) async throws -> Void in
        let answer = try await gateway.post()
        #expect(answer.status == 503)
        #expect(answer.text.contains("\"code\":\"idempotency_store_unavailable\""))
        #expect(gateway.effects.count == 0)
        #expect(try await gateway.post(key: nil).status == 201)
      }
    }

    @Test func `an answer that cannot be recorded is given all the same`() async throws {
      try await AnswersFixture.run(store: BrokenStore(breaksEnd: true)) {
        (gateway: AnswersFixture) async throws -> Void in
        #expect(try await gateway.post().status == 201)
      }
    }
  }
}
