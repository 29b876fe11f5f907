internal import Contracts
internal import GatewayForwarding
internal import HTTP
internal import HTTPWire
internal import JSON
internal import MCP
internal import Primitives
internal import Telemetry

/// What clients can read: runs and their results.
struct PlatformResources: Sendable {
  private static let runs = "cadre://runs/"
  static let artefacts = "cadre://artefacts/"
  private static let pageMax = 50

  /// Why a resource is not given.
  enum Failure: Error, Sendable {
    /// The cursor or address is none of ours, or what it names does not exist.
    case notFound(ToolOutcome)
    /// It exists and cannot be given now.
    case refused(ToolOutcome)
  }

  let orchestrator: Upstream

  /// An address.
  private enum Address {
    case run(RunID)
    case result(RunID)
    case artefact(String)

    init?(_ uri: String) {
      if uri.hasPrefix(PlatformResources.artefacts) {
        let id = uri.dropFirst(PlatformResources.artefacts.count)
        guard (1...64).contains(id.utf8.count), id.utf8.allSatisfy(Address.isIDByte) else { return nil }
        self = .artefact(String(id))
        return
      }
      guard uri.hasPrefix(PlatformResources.runs) else { return nil }
      let parts = uri.dropFirst(PlatformResources.runs.count).split(separator: "/", omittingEmptySubsequences: false)
      guard let first = parts.first, let run = RunID(String(first)) else { return nil }
      switch parts.dropFirst() {
      case []: self = .run(run)
      case ["result"]: self = .result(run)
      default: return nil
      }
    }

    private static func isIDByte(_ byte: UInt8) -> Bool {
      (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        || byte == UInt8(ascii: "_")
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
      throw Failure.notFound(outcome)
    }
    return { writer in
      writer.objects("resources", document.root["runs"].map { Array($0.elements) } ?? []) { run, writer in
        let id = run["id"]?.string ?? ""
        writer.member("uri", PlatformResources.runs + id)
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
      ("\(runs){run_id}", "run", "A run: its status, result or failure, and what it has used."),
      ("\(runs){run_id}/result", "result", "The output of a run that has succeeded, alone."),
      ("\(artefacts){artefact_id}", "artefact", "A file of a run, up to 4 MiB of it."),
    ]
    writer.objects("resourceTemplates", templates) { template, writer in
      writer.member("uriTemplate", template.0)
      writer.member("name", template.1)
      writer.member("description", template.2)
    }
  }

  /// The content behind an address. Returns what writes the members of the result. Throws as `list` does.
  func read(
    uri: String, as caller: Caller, trace: TraceContext
  ) async throws -> @Sendable (inout JSONWriter) -> Void {
    let target: String
    switch Address(uri) {
    case nil: throw Failure.notFound(ToolOutcome(failure: "not_found", "There is no resource of this address."))
    case .run(let run): target = "/api/v1/runs/\(run)"
    case .result(let run): target = "/api/v1/runs/\(run)/result"
    case .artefact(let id):
      let piece = try await ArtefactReader(orchestrator: orchestrator).piece(
        id, offset: 0, bytesMax: ArtefactReader.pieceBytesMax, as: caller, trace: trace)
      return PlatformResources.contents(piece.resource(uri: uri))
    }
    let document = try await read(target, caller, trace)
    let text = String(decoding: document.bytes, as: UTF8.self)
    return PlatformResources.contents(.textResource(uri: uri, text: text, mediaType: "application/json"))
  }

  private static func contents(_ content: MCPContent) -> @Sendable (inout JSONWriter) -> Void {
    { writer in
      writer.objects("contents", [content]) { content, writer in
        switch content {
        case .textResource(let uri, let text, let mediaType):
          writer.member("uri", uri)
          writer.member("mimeType", ifPresent: mediaType)
          writer.member("text", text)
        case .blobResource(let uri, let bytes, let mediaType):
          writer.member("uri", uri)
          writer.member("mimeType", ifPresent: mediaType)
          writer.member("blob", Base64.encode(bytes))
        case .text, .media, .link: break
        }
      }
    }
  }

  private func read(_ target: String, _ caller: Caller, _ trace: TraceContext) async throws -> JSONDocument {
    let answer = try await orchestrator.answer(
      UpstreamCall(.get, target), as: caller, trace: trace, bytesMax: ToolRunner.answerBytesMax)
    guard case .bytes(let bytes) = answer.body else { throw Problem(.upstreamFailed) }
    guard answer.status.code < 400 else {
      let outcome = ToolOutcome(refusal: bytes, status: answer.status.code)
      throw answer.status == .notFound ? Failure.notFound(outcome) : Failure.refused(outcome)
    }
    do { return try JSONDocument(parsing: bytes) } catch { throw Problem(.upstreamFailed) }
  }
}
