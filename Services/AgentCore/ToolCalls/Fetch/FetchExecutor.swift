internal import AgentTools
internal import AgentWorkspace
internal import Contracts
internal import HTTPWire
internal import JSON
internal import Reactor

/// `http_fetch` and `http_post`
struct FetchExecutor: ToolExecutor {
  /// Bytes of text of one answer before the tool's own limit.
  private static let textBytesMax = 1 << 20
  private static let pool = BlockingPool(threadsMax: 2, queuedMax: 64)

  let fetcher: HTTPFetcher
  let artefacts: (any ArtefactStoring)?

  func run(_ call: ToolInvocation) async throws -> ToolResult {
    let arguments = call.arguments.root
    var request = HTTPFetcher.Request(url: arguments["url"]?.string ?? "")
    if let accept = arguments["accept"]?.string, FetchExecutor.isFieldValue(accept) { request.accept = accept }
    if call.name == "http_post" {
      request.method = .post
      request.body = arguments["body"]?.withString { Array($0) } ?? []
      let type = arguments["content_type"]?.string ?? "application/json"
      guard FetchExecutor.isFieldValue(type) else {
        return .failure(.invalidArguments, "the content type has characters that cannot stand in one")
      }
      request.contentType = type
    } else if arguments["method"]?.string == "HEAD" {
      request.method = .head
    }
    do {
      let answer = try await fetcher.fetch(request, deadline: call.context.deadline)
      return try await result(answer, isRaw: arguments["raw"]?.bool ?? false, call)
    } catch let fault as ToolFault { return fault.result }
  }

  /// Whether a text can stand in a header field without becoming another one.
  private static func isFieldValue(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F }
  }

  private func result(_ answer: HTTPFetcher.Answer, isRaw: Bool, _ call: ToolInvocation) async throws -> ToolResult {
    var head = "HTTP \(answer.status), \(answer.url)"
    let type = ContentKind.mediaType(answer.contentType)
    if !type.isEmpty { head += ", \(type)" }
    if answer.isCut { head += ", cut after \(answer.content.count) bytes" }
    var result = ToolResult(text: head)
    if answer.status >= 400 {
      result.isError = true
      result.code = ToolResultCode.toolFailed.rawValue
    }
    guard !answer.content.isEmpty else { return result }
    switch ContentKind(answer.contentType) {
    case .html where !isRaw:
      let (content, contentType) = (answer.content, answer.contentType)
      // A page is converted in a time that grows with its length: not on the event loop.
      guard
        let text = try? await FetchExecutor.pool.run({
          HTMLText.convert(
            ContentKind.decode(content, contentType: contentType), bytesMax: FetchExecutor.textBytesMax)
        })
      else { return .failure(.unavailable, "too many pages are being converted; try again later") }
      result.text += "\n\n" + text
    case .html, .json, .text:
      result.text += "\n\n" + ContentKind.decode(answer.content, contentType: answer.contentType)
    case .binary where type.isEmpty && ContentKind.looksLikeText(answer.content):
      result.text += "\n\n" + ContentKind.decode(answer.content, contentType: nil)
    case .binary: try await keep(answer, type, call, &result)
    }
    return result
  }

  /// Stores what is no text; without a store it is refused.
  private func keep(
    _ answer: HTTPFetcher.Answer, _ type: String, _ call: ToolInvocation, _ result: inout ToolResult
  ) async throws {
    let what = type.isEmpty ? "content without a type" : "content of the type \(type)"
    guard !answer.isCut else {
      result.text += "\n\n\(what) is not text, and too large to be stored"
      result.isError = true
      result.code = ToolResultCode.tooLarge.rawValue
      return
    }
    guard let artefacts, let name = ArtefactName("downloads/\(FetchExecutor.fileName(answer, call))") else {
      result.text += "\n\n\(what) is not text and cannot be shown"
      result.isError = true
      result.code = ToolResultCode.toolFailed.rawValue
      return
    }
    let stored = try await ToolFault.catching {
      try await artefacts.put(
        name, answer.content, mediaType: type.isEmpty ? nil : type, for: WorkspaceStep(call.context))
    }
    switch stored {
    case .failure(let fault): result = fault.result
    case .success(let reference):
      result.text += "\n\nstored as the artefact \(reference.name) (\(reference.bytes) bytes)"
      result.artefacts.append(reference)
    }
  }

  /// The last part of the path in plain characters, behind what calls differ in.
  private static func fileName(_ answer: HTTPFetcher.Answer, _ call: ToolInvocation) -> String {
    func plain(_ text: Substring, _ most: Int) -> String {
      let bytes = text.utf8.suffix(most).map { byte -> UInt8 in
        let isPlain =
          (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20) || byte == UInt8(ascii: ".")
          || byte == UInt8(ascii: "-")
        return isPlain ? byte : UInt8(ascii: "-")
      }
      return String(decoding: bytes, as: UTF8.self)
    }
    let path = answer.url.prefix { $0 != "?" }
    let last = path[(path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex)...]
    return plain(call.idempotencyKey[...], 60) + "-" + (last.isEmpty ? "content" : plain(last, 60))
  }
}
