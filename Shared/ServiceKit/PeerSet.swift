internal import Contracts
public import HTTP
public import HTTPWire
internal import Primitives
internal import Reactor
internal import Synchronization
internal import SystemSources

/// The addresses of the replicas of a service. A replica that cannot be reached is passed over for a second, so that
/// one that restarts costs its callers nothing.
public final class PeerSet: Sendable {
  /// How calls are spread.
  public enum Order: Sendable {
    /// One replica after the other.
    case roundRobin
    /// The same one until it fails: for callers whose calls belong together.
    case sticky
  }

  /// Replicas of one service.
  public static let peersMax = 32
  private static let passOver: UInt64 = 1_000_000_000
  private static let passesMax = 2
  private static let pause = Duration.milliseconds(100)

  private let urls: [HTTPURL]
  private let order: Order
  private let cursor = Atomic<Int>(0)
  /// Until when each is passed over, in monotonic nanoseconds.
  private let badUntil: Mutex<[UInt64]>

  /// Reads addresses that are separated by commas. Throws `HTTPWireError` for one that is none.
  public init(_ text: String, order: Order) throws(HTTPWireError) {
    var urls: [HTTPURL] = []
    for part in text.split(separator: ",").prefix(PeerSet.peersMax) {
      urls.append(try HTTPURL(part.filter { $0 != " " }))
    }
    if urls.isEmpty { urls = [try HTTPURL(text)] }
    self.urls = urls
    self.order = order
    badUntil = Mutex(Array(repeating: 0, count: urls.count))
  }

  /// Sends the request that `make` builds for an address. Goes on to the next replica where a connection could not be
  /// made, and, for requests that may be repeated, where it broke; tries all of them twice. Where a call takes too
  /// long, it ends, and the next one begins at another replica. Throws what the last replica gave, or what `make`
  /// throws.
  public func send(
    with client: HTTPClient, peer: String, canSendAgain: () -> Bool = { true },
    _ make: (HTTPURL) throws -> HTTPClientRequest
  ) async throws -> HTTPClientResponse {
    var last: (any Error)?
    for pass in 0..<PeerSet.passesMax {
      // What is kept of connections may be from before a restart of every replica: once more, with new ones.
      if pass > 0 { try await EventLoop.sleep(for: PeerSet.pause) }
      for index in candidates() {
        let request = try make(urls[index])
        do {
          let answer = try await client.send(request, peer: peer)
          if answer.headers.contains(InternalHeader.notServing), urls.count > 1, canSendAgain() {
            passOver(index)
            last = HTTPClientError(.cannotConnect, reason: "the replica is starting or ending")
            continue
          }
          if order == .sticky { cursor.store(index, ordering: .relaxed) }
          return answer
        } catch let error as HTTPClientError
          where canSendAgain()
          && (error.code == .cannotConnect
            || (error.code == .connectionLost && (request.isIdempotent || !error.outcomeUnknown)))
        {
          passOver(index)
          last = error
        } catch let error as HTTPClientError where error.code == .timedOut {
          // It hangs: the caller's next call asks another one first.
          passOver(index)
          throw error
        }
      }
    }
    throw last ?? HTTPClientError(.cannotConnect, reason: "there is no address")
  }

  /// Sends the request that `make` builds for each address to all of them, once and one after the other. Returns what
  /// each gave, in their order.
  public func sendToAll(
    with client: HTTPClient, peer: String, _ make: (HTTPURL) throws -> HTTPClientRequest
  ) async -> [Result<HTTPClientResponse, any Error>] {
    var answers: [Result<HTTPClientResponse, any Error>] = []
    for url in urls {
      do { answers.append(.success(try await client.send(try make(url), peer: peer))) } catch {
        answers.append(.failure(error))
      }
    }
    return answers
  }

  private func passOver(_ index: Int) {
    badUntil.withLock { $0[index] = MonotonicClock.now() &+ PeerSet.passOver }
  }

  /// All replicas in the order in which they are tried: those that failed just now come last.
  private func candidates() -> [Int] {
    guard urls.count > 1 else { return [0] }
    let start =
      order == .sticky
      ? cursor.load(ordering: .relaxed) : cursor.wrappingAdd(1, ordering: .relaxed).oldValue
    let turn = (0..<urls.count).map { (($0 &+ start) % urls.count + urls.count) % urls.count }
    let now = MonotonicClock.now()
    let bad = badUntil.withLock { $0 }
    return turn.filter { bad[$0] <= now } + turn.filter { bad[$0] > now }
  }
}
