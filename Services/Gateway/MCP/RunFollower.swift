internal import Contracts
internal import GatewayForwarding
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Primitives
internal import Reactor
internal import SystemSources
internal import Telemetry

/// Waits for the end of a run by the live stream of its events, which any replica of the orchestrator has.
struct RunFollower: Sendable {
  /// Pieces of the stream that could not be had, one after the other.
  private static let failuresMax = 10
  private static let pause = Duration.milliseconds(500)
  private static let ends: Set<String> = ["run.succeeded", "run.failed", "run.cancelled"]
  /// Longest text of progress, in bytes.
  private static let messageBytesMax = 200

  let orchestrator: Upstream

  /// Returns at the end of the run, or at the deadline (monotonic nanoseconds). `after` is the number of events that
  /// are known. `progress` gets, for each piece of the stream, how many events there are and the last of them. Throws a
  /// `Problem`, or what `progress` throws.
  func follow(
    _ run: String, after start: Int64, as caller: Caller, trace: TraceContext, until deadline: UInt64,
    _ progress: (Int64, String) async throws -> Void
  ) async throws {
    var (after, failures) = (start, 0)
    while MonotonicClock.now() < deadline {
      try Task.checkCancellation()
      do {
        if try await read(run, &after, caller, trace, deadline, progress) { return }
        failures = 0
      } catch let problem as Problem where problem.status.code >= 500 && failures < RunFollower.failuresMax {
        failures += 1
      }
      // The stream ended before the run: its replica stops, or was away.
      let left = deadline.subtractingReportingOverflow(MonotonicClock.now())
      if left.overflow { return }
      try await EventLoop.sleep(for: min(RunFollower.pause, .nanoseconds(Int64(clamping: left.partialValue))))
    }
  }

  /// One stream. Returns whether the run has ended.
  private func read(
    _ run: String, _ after: inout Int64, _ caller: Caller, _ trace: TraceContext, _ deadline: UInt64,
    _ progress: (Int64, String) async throws -> Void
  ) async throws -> Bool {
    let call = UpstreamCall(
      .get, "/api/v1/runs/\(PercentEncoding.encode(run))/events?after=\(after)",
      headers: [("accept", "text/event-stream")])
    let answer = try await orchestrator.open(call, as: caller, trace: trace)
    guard answer.status == .ok else {
      throw Problem(.upstreamFailed, "The events of the run cannot be read (status \(answer.status.code)).")
    }
    var parser = ServerSentEventParser()
    while true {
      let events: [ServerSentEvent]
      do {
        guard let piece = try await answer.body.next(before: deadline) else { return false }
        events = try parser.feed(piece)
      } catch let error as HTTPClientError where error.code == .timedOut {
        return false
      } catch let error as HTTPWireError {
        throw Problem(.upstreamFailed, "The events of the run cannot be read (\(error.code.rawValue)).")
      } catch {
        throw orchestrator.problem(error, promisesOnce: true)
      }
      guard let last = events.last else { continue }
      let before = after
      for event in events { after = max(after, event.id.flatMap { Int64($0) } ?? after) }
      if events.contains(where: { RunFollower.ends.contains($0.event ?? "") }) { return true }
      // Progress must grow.
      if after > before { try await progress(after, RunFollower.message(last)) }
    }
  }

  private static func message(_ event: ServerSentEvent) -> String {
    let type = event.event ?? "event"
    let step = (try? JSONDocument(parsing: event.data).root)?["step"]?.string
    let text = step.map { "\(type): \($0)" } ?? type
    return String(decoding: text.utf8.prefix(messageBytesMax), as: UTF8.self)
  }
}
