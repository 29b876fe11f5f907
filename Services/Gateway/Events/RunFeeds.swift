internal import Contracts
internal import GatewayForwarding
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Primitives
internal import Reactor
internal import Synchronization
internal import SystemSources
internal import Telemetry

/// All feeds of this process. The first reader of a run opens one stream of the orchestrator, the last one closes it.
final class RunFeeds: Sendable {
  /// The orchestrator sends a comment at least every 15 seconds.
  private static let silence = Duration.seconds(60)
  private static let pause = Duration.milliseconds(500)
  /// Streams that could not be had, or had nothing, one after the other.
  private static let failuresMax = 10

  private let orchestrator: Upstream
  private let feeds = Mutex<[RunFeed.Key: RunFeed]>([:])

  init(orchestrator: Upstream) { self.orchestrator = orchestrator }

  /// How many there are.
  var count: Int { feeds.withLock { $0.count } }

  /// The feed of a run, joined; to be left with `leave`. One that is made goes on behind `sequence`.
  func join(_ key: RunFeed.Key, after sequence: Int64, as caller: Caller, trace: TraceContext, on loop: EventLoop)
    -> RunFeed
  {
    let (feed, isNew) = feeds.withLock { feeds in
      if let known = feeds[key], !known.isOver {
        known.join()
        return (known, false)
      }
      let made = RunFeed(key, after: sequence)
      made.join()
      feeds[key] = made
      return (made, true)
    }
    if isNew { feed.run(loop.task { [self] in await read(into: feed, as: caller, trace: trace) }) }
    return feed
  }

  /// Leaves a feed.
  func leave(_ feed: RunFeed) {
    feeds.withLock { feeds in
      // Under the lock, so that nobody joins what is given up.
      guard feed.leave(), feeds[feed.key] === feed else { return }
      feeds[feed.key] = nil
    }
  }

  /// Reads streams of the orchestrator until the run has ended or nobody reads any more.
  private func read(into feed: RunFeed, as caller: Caller, trace: TraceContext) async {
    var failures = 0
    while !Task.isCancelled, failures < RunFeeds.failuresMax {
      let before = feed.last
      do {
        if try await stream(into: feed, as: caller, trace: trace) { break }
      } catch let problem as Problem where problem.status.isClientError {
        break
      } catch {
        // It is tried again.
      }
      // A stream that ends without the run belongs to a replica that stops; one that was empty, twice, to a run that
      // has ended.
      failures = feed.last > before ? 0 : failures + 1
      do { try await EventLoop.sleep(for: RunFeeds.pause) } catch { break }
    }
    feed.end()
  }

  /// One stream. Returns whether the run has ended.
  private func stream(into feed: RunFeed, as caller: Caller, trace: TraceContext) async throws -> Bool {
    let call = UpstreamCall(
      .get, "/api/v1/runs/\(feed.key.run)/events?after=\(feed.last)", headers: [("accept", "text/event-stream")])
    let answer = try await orchestrator.open(call, as: caller, trace: trace)
    guard answer.status == .ok else { throw Problem(.upstreamFailed, status: .badGateway) }
    var parser = ServerSentEventParser()
    let silence = UInt64(clamping: RunFeeds.silence.nanoseconds)
    while let piece = try await answer.body.next(before: MonotonicClock.now() &+ silence) {
      let events = try parser.feed(piece).compactMap { event in
        (try? JSONDocument(parsing: event.data)).flatMap { RunEvent($0.root) }
      }
      if !events.isEmpty { feed.publish(events) }
      if events.contains(where: \.isEnd) { return true }
    }
    return false
  }
}
