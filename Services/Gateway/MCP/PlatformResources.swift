internal import Contracts
internal import GatewayForwarding
internal import HTTP
internal import HTTPWire
internal import JSON
internal import MCP
internal import Telemetry

/// What clients can read: runs and their results.
struct PlatformResources: Sendable {
  private static let scheme = "cadre://runs/"
  private static let pageMax = 50

  /// Why a resource is not given.
  enum Failure: Error, Sendable {
    /// The cursor or address is none of ours, or what it names does not exist.
    case notFound(String)
    /// It exists and cannot be given now.
    case refused(ToolOutcome)
  }

  let orchestrator: Upstream

  /// An address.
  private enum Address {
    case run(RunID)
    case result(RunID)

    init?(_ uri: String) {
      guard uri.hasPrefix(PlatformResources.scheme) else { return nil }
      let parts = uri.dropFirst(PlatformResources.scheme.count).split(separator: "/", omittingEmptySubsequences: false)
      guard let first = parts.first, let run = RunID(String(first)) else { return nil }
      switch parts.dropFirst() {
      case []: self = .run(run)
      case ["result"]: self = .result(run)
      default: return nil
      }
    }

    var path: String {
      switch self {
      case .run(let run): "/api/v1/runs/\(run)"
      case .result(let run): "/api/v1/runs/\(run)/result"
      }
    }
  }

  /// A page of the caller's runs, newest first. Returns what writes the members of the result. Throws `Failure`, or a
  /// `Problem`.
  func list(
    _ cursor: String?, as caller: Caller, trace: TraceContext
  ) async throws -> @Sendable (inout JSONWriter) -> Void {
    var target = "/api/v1/runs?limit=\(PlatformResources.pageMax)"
    if let cursor { target += "&cursor=" + PercentEncoding.encode(cursor) }
    let document: JSONDocument
    do { document = try await read(target, caller, trace) } catch Failure.refused(let outcome) where cursor != nil {
      throw Failure.notFound("The cursor is not one of a page before. \(outcome.text)")
    }
    return { writer in
      writer.objects("resources", document.root["runs"].map { Array($0.elements) } ?? []) { run, writer in
        let id = run["id"]?.string ?? ""
        writer.member("uri", PlatformResources.scheme + id)
        writer.member("name", id)
        writer.member(
          "description",
          "Run of the workflow \(run["workflow"]?.string ?? ""), \(run["status"]?.string ?? ""), of \(run["created_at"]?.string ?? "")"
        )
        writer.member("mimeType", "application/json")
      }
      writer.member("nextCursor", ifPresent: document.root["next_cursor"]?.string)
    }
  }

  /// The forms of addresses.
  static func writeTemplates(to writer: inout JSONWriter) {
    let templates = [
      ("{run_id}", "run", "A run: its status, result or failure, and what it has used."),
      ("{run_id}/result", "result", "The output of a run that has succeeded, alone."),
    ]
    writer.objects("resourceTemplates", templates) { template, writer in
      writer.member("uriTemplate", scheme + template.0)
      writer.member("name", template.1)
      writer.member("description", template.2)
      writer.member("mimeType", "application/json")
    }
  }

  /// The content behind an address. Returns what writes the members of the result. Throws as `list` does.
  func read(
    uri: String, as caller: Caller, trace: TraceContext
  ) async throws -> @Sendable (inout JSONWriter) -> Void {
    guard let address = Address(uri) else { throw Failure.notFound("There is no resource of this address.") }
    let document = try await read(address.path, caller, trace)
    return { writer in
      writer.objects("contents", [document]) { document, writer in
        writer.member("uri", uri)
        writer.member("mimeType", "application/json")
        writer.member("text", String(decoding: document.bytes, as: UTF8.self))
      }
    }
  }

  private func read(_ target: String, _ caller: Caller, _ trace: TraceContext) async throws -> JSONDocument {
    let answer = try await orchestrator.answer(
      UpstreamCall(.get, target), as: caller, trace: trace, bytesMax: ToolRunner.answerBytesMax)
    guard case .bytes(let bytes) = answer.body else { throw Problem(.upstreamFailed) }
    guard answer.status.code < 400 else {
      let outcome = ToolOutcome(refusal: bytes, status: answer.status.code)
      throw answer.status == .notFound ? Failure.notFound(outcome.text) : Failure.refused(outcome)
    }
    do { return try JSONDocument(parsing: bytes) } catch { throw Problem(.upstreamFailed) }
  }
}
