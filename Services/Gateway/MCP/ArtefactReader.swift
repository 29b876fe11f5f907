internal import Contracts
internal import GatewayForwarding
internal import HTTP
internal import HTTPWire
internal import JSON
internal import MCP
internal import Primitives
internal import Telemetry

/// Reads files of runs, in pieces.
struct ArtefactReader: Sendable {
  /// Largest piece, in bytes.
  static let pieceBytesMax: Int64 = 4 << 20
  /// The piece of a call that does not say how much.
  static let pieceBytesStandard: Int64 = 256 << 10

  let orchestrator: Upstream

  /// A piece of a file, and what is said of it.
  struct Piece: Sendable {
    let bytes: [UInt8]
    /// Where the piece begins.
    let offset: Int64
    /// The document that describes the file.
    let description: JSONView

    private var size: Int64 { description["bytes"]?.whole(in: 0...Int64.max) ?? 0 }
    private var mediaType: String { MCPText.plain(description["media_type"]?.string ?? "", bytesMax: 256) }
    /// Whether it is all of the file.
    var isWhole: Bool { offset == 0 && Int64(bytes.count) == size }

    /// The piece as content: text where the file is text, pictures and sounds as such, else bytes.
    func content(uri: String) -> (content: MCPContent, count: Int) {
      if Piece.isText(mediaType), let text = Piece.text(bytes, isLast: offset + Int64(bytes.count) >= size) {
        return (.text(text), text.utf8.count)
      }
      if isWhole, mediaType.hasPrefix("image/") || mediaType.hasPrefix("audio/") {
        return (.media(bytes: bytes, mediaType: mediaType), bytes.count)
      }
      return (.blobResource(uri: uri, bytes: bytes, mediaType: mediaType), bytes.count)
    }

    /// The same as a part of a resource.
    func resource(uri: String) -> MCPContent {
      if Piece.isText(mediaType), let text = String(validating: bytes, as: UTF8.self) {
        return .textResource(uri: uri, text: text, mediaType: mediaType)
      }
      return .blobResource(uri: uri, bytes: bytes, mediaType: mediaType)
    }

    static func isText(_ type: String) -> Bool {
      let media = type.split(separator: ";").first.map { $0.lowercased() } ?? ""
      return media.hasPrefix("text/") || media.hasSuffix("+json") || media.hasSuffix("+xml")
        || ["application/json", "application/xml", "application/javascript", "application/yaml"].contains(media)
    }

    /// The text of a piece; one that is cut within a character ends before it. `nil` for what is not UTF-8.
    static func text(_ bytes: [UInt8], isLast: Bool) -> String? {
      if let text = String(validating: bytes, as: UTF8.self) { return text }
      guard !isLast else { return nil }
      for left in 1...3 where bytes.count > left {
        if let text = String(validating: bytes.dropLast(left), as: UTF8.self) { return text }
      }
      return nil
    }
  }

  /// Reads a piece of a file by its id. Throws `PlatformResources.Failure`, or a `Problem`.
  func piece(
    _ id: String, offset: Int64, bytesMax: Int64, as caller: Caller, trace: TraceContext
  ) async throws -> Piece {
    let call = UpstreamCall(.get, ArtefactReader.path(id))
    let description = try await read(call, caller, trace, 64 << 10)
    guard let document = try? JSONDocument(parsing: description) else { throw Problem(.upstreamFailed) }
    return try await read(document.root, offset: offset, bytesMax: bytesMax, as: caller, trace: trace)
  }

  /// Reads a piece of a file that is described already. Throws as `piece` does.
  func read(
    _ description: JSONView, offset: Int64, bytesMax: Int64, as caller: Caller, trace: TraceContext
  ) async throws -> Piece {
    let size = description["bytes"]?.whole(in: 0...Int64.max) ?? 0
    // There is no range of nothing.
    guard offset < size else { return Piece(bytes: [], offset: offset, description: description) }
    let last = min(size, offset.addingClamped(bytesMax)) - 1
    let call = UpstreamCall(
      .get, ArtefactReader.path(description["id"]?.string ?? "") + "/content",
      headers: [("range", "bytes=\(offset)-\(last)")])
    let bytes = try await read(call, caller, trace, Int(clamping: bytesMax))
    return Piece(bytes: bytes, offset: offset, description: description)
  }

  private static func path(_ id: String) -> String { "/api/v1/artefacts/" + PercentEncoding.encode(id) }

  private func read(
    _ call: UpstreamCall, _ caller: Caller, _ trace: TraceContext, _ bytesMax: Int
  ) async throws -> [UInt8] {
    let answer = try await orchestrator.answer(call, as: caller, trace: trace, bytesMax: bytesMax)
    guard case .bytes(let bytes) = answer.body else { throw Problem(.upstreamFailed) }
    guard answer.status.code < 400 else {
      let outcome = ToolOutcome(refusal: bytes, status: answer.status.code)
      throw answer.status == .notFound
        ? PlatformResources.Failure.notFound(outcome) : PlatformResources.Failure.refused(outcome)
    }
    return bytes
  }
}
