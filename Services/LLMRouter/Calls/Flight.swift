internal import AnswerCache
internal import HTTP
internal import HTTPWire
internal import Reactor
internal import Synchronization

/// One call that several identical requests wait for: the provider is asked once, all get the answer, streams as they
/// come. Who comes late reads what was sent already.
final class Flight: Sendable {
  /// What the answer begins with.
  struct Head: Sendable {
    let status: HTTPStatus
    let headers: HTTPHeaders
  }

  private struct State {
    var head: Head?
    var pieces: [[UInt8]] = []
    var isDone = false
    var failure: CallFailure?
    /// The failure came after the head.
    var broken: [UInt8]?
    var readers = 0
    var waiting: [(loop: EventLoop, promise: Promise<Void>)] = []
    var task: Task<Void, any Error>?
  }

  private let state = Mutex(State())

  func attach(_ task: Task<Void, any Error>) { state.withLock { $0.task = task } }

  // MARK: The call

  func begin(_ head: Head) { change { $0.head = head } }
  func append(_ piece: [UInt8]) { change { $0.pieces.append(piece) } }
  func finish() { change { $0.isDone = true } }
  func fail(_ failure: CallFailure) {
    change {
      $0.failure = failure
      $0.isDone = true
    }
  }
  /// The stream broke; `event` tells it to those who read.
  func breakOff(_ event: [UInt8]) {
    change {
      $0.broken = event
      $0.isDone = true
    }
  }

  private func change(_ body: (inout State) -> Void) {
    let woken = state.withLock { state -> [(loop: EventLoop, promise: Promise<Void>)] in
      body(&state)
      let woken = state.waiting
      state.waiting = []
      return woken
    }
    // Promises belong to the loops of those who wait.
    for (loop, promise) in woken { loop.execute { promise.succeed(()) } }
  }

  // MARK: Readers

  func join() { state.withLock { $0.readers += 1 } }

  /// A reader is gone; without any the call is cancelled.
  func leave() {
    let task = state.withLock { state -> Task<Void, any Error>? in
      state.readers -= 1
      return state.readers == 0 && !state.isDone ? state.task : nil
    }
    task?.cancel()
  }

  /// The head, once it is there. Throws the `CallFailure` that came instead.
  func head() async throws -> Head {
    while true {
      let promise: Promise<Void>? = try state.withLock { state in
        if let failure = state.failure { throw failure }
        if state.head != nil { return nil }
        return Flight.wait(&state)
      }
      guard let promise else { break }
      _ = try await promise.value()
    }
    guard let head = state.withLock({ $0.head }) else { throw CancellationError() }
    return head
  }

  /// Piece `index`, once it is there; nil after the last. Throws `CancellationError` after a stream that broke, whose
  /// last piece says so.
  func piece(_ index: Int) async throws -> [UInt8]? {
    while true {
      let (piece, promise, isEnd) = state.withLock { state -> ([UInt8]?, Promise<Void>?, Bool) in
        if index < state.pieces.count { return (state.pieces[index], nil, false) }
        if let broken = state.broken {
          return (index == state.pieces.count ? broken : nil, nil, index > state.pieces.count)
        }
        if state.isDone { return (nil, nil, true) }
        return (nil, Flight.wait(&state), false)
      }
      if let piece { return piece }
      if isEnd {
        if state.withLock({ $0.broken != nil }) { throw CancellationError() }
        return nil
      }
      if let promise { _ = try await promise.value() }
    }
  }

  private static func wait(_ state: inout State) -> Promise<Void>? {
    guard let loop = EventLoop.current else { return nil }
    let promise = Promise<Void>(on: loop)
    state.waiting.append((loop, promise))
    return promise
  }
}

/// The calls in flight that others may join, by their key in the cache.
final class FlightDeck: Sendable {
  /// Landings that are remembered.
  private static let landingsMax = 256

  private struct State {
    var flights: [CacheKey: Flight] = [:]
    /// The latest landings, in a ring, and how many there were.
    var landed: [CacheKey] = []
    var landings = 0
  }

  private let state = Mutex(State())

  /// How many flights have landed; see `hasLanded(_:since:)`.
  var landings: Int { state.withLock { $0.landings } }

  /// Whether a flight of the key may have landed since: who found nothing in the cache before has to look again.
  func hasLanded(_ key: CacheKey, since count: Int) -> Bool {
    state.withLock { state in
      let news = state.landings - count
      guard news > 0 else { return false }
      guard news < FlightDeck.landingsMax else { return true }
      return (count..<state.landings).contains { state.landed[$0 % FlightDeck.landingsMax] == key }
    }
  }

  /// The flight of a key, and whether the caller has to make it.
  func board(_ key: CacheKey) -> (flight: Flight, isPilot: Bool) {
    state.withLock { state in
      if let flight = state.flights[key] {
        flight.join()
        return (flight, false)
      }
      let flight = Flight()
      flight.join()
      state.flights[key] = flight
      return (flight, true)
    }
  }

  /// Nobody joins any more.
  func land(_ key: CacheKey) {
    state.withLock { state in
      state.flights[key] = nil
      if state.landed.count < FlightDeck.landingsMax {
        state.landed.append(key)
      } else {
        state.landed[state.landings % FlightDeck.landingsMax] = key
      }
      state.landings += 1
    }
  }
}
