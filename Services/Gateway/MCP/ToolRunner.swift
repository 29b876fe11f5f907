internal import Contracts
internal import GatewayForwarding
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Primitives
internal import SystemSources
internal import Telemetry

/// Runs a tool: calls the API for the caller, and waits for the end of a run where the arguments ask for it.
final class ToolRunner: Sendable {
  /// Largest answer of the API that is shown, in bytes.
  static let answerBytesMax = 8 << 20
  /// Wait of a call that does not say how long.
  private static let standardWait: Int64 = 60_000

  let orchestrator: Upstream
  private let waitMax: Int64
  private let waits: WaitCounter
  private let follower: RunFollower
  private let reader: ArtefactReader

  /// `waitMax` is the longest wait, in milliseconds; `waitsMax` bounds the waits at the same time.
  init(orchestrator: Upstream, waitMax: Int64, waitsMax: Int) {
    self.orchestrator = orchestrator
    self.waitMax = waitMax
    waits = WaitCounter(countMax: waitsMax)
    follower = RunFollower(orchestrator: orchestrator)
    reader = ArtefactReader(orchestrator: orchestrator)
  }

  /// Calls that wait now.
  var waiting: Int { waits.count }

  /// How long a call may wait, in milliseconds; 0 for one that does not.
  func wait(_ tool: PlatformTool, _ arguments: JSONView) -> Int64 {
    min(tool.wait(arguments, standard: ToolRunner.standardWait) ?? 0, waitMax)
  }

  /// Runs a tool with arguments that fit its schema. `start` (monotonic nanoseconds) is when waiting began. Throws
  /// `CancellationError` when the client has gone, or what `progress` throws; everything else is an outcome.
  func run(
    _ tool: PlatformTool, _ arguments: JSONView, as caller: Caller, trace: TraceContext, since start: UInt64,
    _ progress: (Int64, String) async throws -> Void
  ) async throws -> ToolOutcome {
    do {
      let answer = try await orchestrator.answer(
        tool.call(arguments), as: caller, trace: trace, bytesMax: ToolRunner.answerBytesMax)
      guard case .bytes(let bytes) = answer.body else { return ToolRunner.unreadable }
      guard answer.status.code < 400 else { return ToolOutcome(refusal: bytes, status: answer.status.code) }
      guard let document = try? JSONDocument(parsing: bytes), document.root.kind == .object else {
        return ToolRunner.unreadable
      }
      let root: JSONView
      switch tool.shape {
      case .document: return ToolOutcome(document)
      case .artefact: return try await artefact(document.root, arguments, as: caller, trace: trace)
      case .run: root = document.root
      case .task:
        guard let run = document.root["run"] else { return ToolRunner.unreadable }
        root = run
      }
      guard !ToolRunner.isEnded(root), let id = root["id"]?.string else { return ToolRunner.outcome(root) }
      let deadline = start &+ UInt64(clamping: wait(tool, arguments)) &* 1_000_000
      guard MonotonicClock.now() < deadline, waits.begin(caller.tenant) else { return ToolRunner.outcome(root) }
      defer { waits.end(caller.tenant) }
      try await follower.follow(
        id, after: root["version"]?.whole(in: 0...Int64(Int32.max)) ?? 0, as: caller, trace: trace, until: deadline,
        progress)
      return try await run(id, as: caller, trace: trace)
    } catch let problem as Problem {
      return ToolOutcome(problem)
    } catch PlatformResources.Failure.notFound(let outcome) {
      return outcome
    } catch PlatformResources.Failure.refused(let outcome) {
      return outcome
    }
  }

  /// A file, or a piece of it.
  private func artefact(
    _ description: JSONView, _ arguments: JSONView, as caller: Caller, trace: TraceContext
  ) async throws -> ToolOutcome {
    let offset = arguments["offset"]?.whole(in: 0...Int64.max) ?? 0
    let bytesMax = arguments["bytes_max"]?.whole(in: 1...ArtefactReader.pieceBytesMax)
    let piece = try await reader.read(
      description, offset: offset, bytesMax: bytesMax ?? ArtefactReader.pieceBytesStandard, as: caller, trace: trace)
    let (content, count) = piece.content(uri: PlatformResources.artefacts + (description["id"]?.string ?? ""))
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("artefact", raw: description.rawBytes)
    writer.member("offset", offset)
    writer.member("bytes_returned", Int64(count))
    writer.member("is_whole", piece.isWhole && count == piece.bytes.count)
    writer.endObject()
    guard let document = try? JSONDocument(parsing: writer.bytes) else { return ToolRunner.unreadable }
    var outcome = ToolOutcome(document)
    outcome.parts = [content]
    return outcome
  }

  private static let unreadable = ToolOutcome(
    failure: "upstream_failed", "The answer of the API cannot be read. (upstream_failed)")

  /// The run as it is now.
  private func run(_ id: String, as caller: Caller, trace: TraceContext) async throws -> ToolOutcome {
    let answer = try await orchestrator.answer(
      UpstreamCall(.get, "/api/v1/runs/\(PercentEncoding.encode(id))"), as: caller, trace: trace,
      bytesMax: ToolRunner.answerBytesMax)
    guard case .bytes(let bytes) = answer.body else { return ToolRunner.unreadable }
    guard answer.status.code < 400 else { return ToolOutcome(refusal: bytes, status: answer.status.code) }
    guard let document = try? JSONDocument(parsing: bytes) else { return ToolRunner.unreadable }
    return ToolRunner.outcome(document.root)
  }

  private static func isEnded(_ run: JSONView) -> Bool {
    ["succeeded", "failed", "cancelled"].contains(run["status"]?.string ?? "")
  }

  private static func outcome(_ run: JSONView) -> ToolOutcome {
    var writer = JSONWriter()
    writer.beginObject()
    writer.key("run")
    writer.raw(run.rawBytes)
    writer.member("ended", isEnded(run))
    writer.endObject()
    guard let document = try? JSONDocument(parsing: writer.bytes) else { return unreadable }
    return ToolOutcome(document)
  }
}
