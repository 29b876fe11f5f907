import AnswerCache
import Contracts
import Dialects
import HTTP
import HTTPWire
import JSON
import Reactor
import SystemSources
import Testing

@testable import ModelCalls

@Suite("Answer buffer")
struct AnswerBufferTests {
  private let head = AnswerBuffer.Head(status: .ok, headers: HTTPHeaders())

  @Test func `a reader that joins late reads from the begin`() throws {
    var buffer = AnswerBuffer()
    #expect(try buffer.readHead() == nil)
    #expect(buffer.read(0) == .wait)
    buffer.begin(head)
    buffer.append([1])
    buffer.append([2])
    #expect(buffer.join() == true)
    #expect(try buffer.readHead() != nil)
    #expect(buffer.read(0) == .piece([1]) && buffer.read(1) == .piece([2]) && buffer.read(2) == .wait)
    buffer.finish()
    #expect(buffer.read(2) == .end)
  }

  @Test func `a failure before the head is everybody's`() {
    var buffer = AnswerBuffer()
    buffer.fail(.invalid("no", nil))
    #expect(throws: CallFailure.self) { try buffer.readHead() }
    #expect(buffer.read(0) == .broken)
  }

  @Test func `a stream that breaks ends with its event`() throws {
    var buffer = AnswerBuffer()
    buffer.begin(head)
    buffer.append([1])
    buffer.breakOff([9])
    #expect(try buffer.readHead() != nil)
    #expect(buffer.read(0) == .piece([1]) && buffer.read(1) == .piece([9]) && buffer.read(2) == .broken)
  }

  @Test func `a call that ends without a head has failed for those who wait`() throws {
    var buffer = AnswerBuffer()
    #expect(buffer.join() == true)
    buffer.breakOff([])
    let failure = #expect(throws: CallFailure.self) { try buffer.readHead() }
    #expect(failure?.isRetryable == true)
  }

  @Test func `only the last reader to leave cancels the call, and no request joins it then`() {
    var buffer = AnswerBuffer()
    #expect((buffer.join(), buffer.join()) == (true, true))
    #expect(buffer.leave() == false)
    #expect(buffer.leave() == true)
    #expect(buffer.join() == false)
  }

  @Test func `a complete answer is read after its readers have left`() {
    var buffer = AnswerBuffer()
    #expect(buffer.join() == true)
    buffer.begin(head)
    buffer.append([1])
    buffer.finish()
    #expect(buffer.leave() == false)
    #expect(buffer.join() == true)
    #expect(buffer.read(0) == .piece([1]) && buffer.read(1) == .end)
  }
}

@Suite("Single flight")
struct SingleFlightTests {
  private func key(_ text: String) throws -> CacheKey {
    let json = #"{"model": "m", "messages": [{"role": "user", "content": "\#(text)"}]}"#
    return CacheKey(.chat, try JSONDocument(parsing: json).root, tenant: tenant)
  }

  private let tenant = TenantID.make()
  private let flight = SingleFlight()

  /// Runs on a loop, as calls do.
  private func onLoop<Value: Sendable>(_ body: @escaping @Sendable (EventLoop) async throws -> Value) async throws
    -> Value
  {
    let group = EventLoopGroup(count: 1)
    defer { group.stop() }
    let loop = group.loops[0]
    return try await loop.task { try await body(loop) }.value
  }

  @Test func `the first request leads, identical ones follow, others do not`() throws {
    let (call, isLeader) = flight.join(try key("a"))
    let (same, isSameLeader) = flight.join(try key("a"))
    let (other, isOtherLeader) = flight.join(try key("b"))
    #expect(isLeader && !isSameLeader && isOtherLeader)
    #expect(call === same && call !== other)
  }

  @Test func `a completed call is not joined, and whoever looked before it knows`() throws {
    let before = flight.completedCount
    let key = try key("a")
    let (call, _) = flight.join(key)
    flight.complete(key, call)
    #expect(flight.hasCompleted(key, since: before))
    #expect(try !flight.hasCompleted(self.key("b"), since: before))
    #expect(!flight.hasCompleted(key, since: flight.completedCount))
    #expect(flight.join(key).isLeader)
  }

  @Test func `a call that was cancelled has a successor, which its late end does not remove`() throws {
    let key = try key("a")
    let (cancelled, _) = flight.join(key)
    cancelled.leave()
    let (successor, isLeader) = flight.join(key)
    #expect(isLeader && successor !== cancelled)
    flight.complete(key, cancelled)
    let (joined, isNew) = flight.join(key)
    #expect(joined === successor && !isNew)
  }

  @Test func `very many completed calls count as possibly this one`() throws {
    let before = flight.completedCount
    let other = try key("b")
    for _ in 0..<300 { flight.complete(other, flight.join(other).call) }
    #expect(flight.hasCompleted(try key("a"), since: before))
  }

  @Test func `followers get the pieces as they come, and the end`() async throws {
    let key = try key("a")
    let flight = flight
    let read = try await onLoop { loop in
      let (call, _) = flight.join(key)
      let follower = flight.join(key).call
      let reading = loop.task {
        _ = try await follower.head()
        var pieces: [[UInt8]] = []
        while let piece = try await follower.piece(pieces.count) { pieces.append(piece) }
        return pieces
      }
      await Task.yield()
      call.begin(AnswerBuffer.Head(status: .ok, headers: HTTPHeaders()))
      await Task.yield()
      call.append([1])
      await Task.yield()
      call.append([2])
      call.finish()
      return try await reading.value
    }
    #expect(read == [[1], [2]])
  }

  @Test func `when the leader's call dies its followers fail and do not wait for ever`() async throws {
    let key = try key("a")
    let flight = flight
    let failure = try await onLoop { loop -> CallFailure? in
      let (call, _) = flight.join(key)
      let follower = flight.join(key).call
      let reading = loop.task { try await follower.head() }
      await Task.yield()
      call.breakOff([])
      do { _ = try await reading.value } catch { return error as? CallFailure }
      return nil
    }
    #expect(failure?.code == "provider_failed")
  }

  @Test func `the task of a call is cancelled with its last reader`() async throws {
    let key = try key("a")
    let flight = flight
    let wasCancelled = try await onLoop { loop -> Bool in
      let (call, _) = flight.join(key)
      _ = flight.join(key)
      let task = loop.task { try await EventLoop.sleep(for: .seconds(3600)) }
      call.attach(task)
      call.leave()
      let early = task.isCancelled
      call.leave()
      return !early && task.isCancelled
    }
    #expect(wasCancelled)
  }
}
