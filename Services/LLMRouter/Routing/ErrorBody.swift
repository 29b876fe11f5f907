internal import JSON

/// What the body of a provider's refusal says, whatever its shape: an object, a list, a text, a page, an event.
///
/// Pure and bounded: the body is foreign input.
public struct ErrorBody: Sendable, Hashable {
  /// Longer bodies are looked at no further.
  public static let bytesMax = 256 << 10
  private static let depthMax = 6
  private static let elementsMax = 8
  private static let codesMax = 24
  private static let codeBytesMax = 100
  private static let textBytesMax = 16 << 10
  private static let messageCharactersMax = 500
  private static let messageBytesMax = 2000

  /// The sentence for people.
  public private(set) var message: String?
  /// Codes, types, statuses and reasons, in lower case with underscores.
  public private(set) var codes: [String] = []
  /// All texts, in lower case.
  public private(set) var text = ""
  /// The pause that the body asks for, in milliseconds.
  public private(set) var retryMilliseconds: Int64?

  private var rank = Int.max

  /// Codes come with their spelling.
  public private(set) var code = ""

  /// An empty body.
  public init() {}

  /// A code or type and a sentence that are known already.
  public init(code: String, message: String) {
    note(code: code)
    note(text: message, rank: 0)
  }

  /// Reads a body.
  public init(_ bytes: [UInt8]) {
    let bytes = bytes.count > ErrorBody.bytesMax ? Array(bytes.prefix(ErrorBody.bytesMax)) : bytes
    if let document = try? JSONDocument(lenientlyParsing: bytes) {
      read(document.root, depth: 0, rank: 4)
    } else if let data = ErrorBody.eventData(bytes), let document = try? JSONDocument(lenientlyParsing: data) {
      read(document.root, depth: 0, rank: 4)
    } else {
      note(text: ErrorBody.plain(String(decoding: bytes, as: UTF8.self)), rank: 0)
    }
    if retryMilliseconds == nil, let message { retryMilliseconds = RetryAfter.inWords(message) }
  }

  // MARK: JSON

  /// Members whose strings are sentences; the first is the best.
  private static let sentences = [
    "message", "msg", "error_message", "errormessage", "error_description", "description", "title",
  ]
  private static let nested: Set<String> = [
    "error", "errors", "detail", "details", "innererror", "inner_error", "cause", "raw", "metadata", "body", "response",
    "fault", "err", "base_resp", "last_error",
  ]
  private static let names: Set<String> = [
    "code", "type", "status", "reason", "error_code", "errorcode", "error_type", "errortype", "finish_reason", "__type",
  ]
  private static let pauses: Set<String> = [
    "retrydelay", "retry_delay", "retry_after", "retryafter", "retry_after_seconds",
  ]

  private mutating func read(_ view: JSONView, depth: Int, rank: Int) {
    guard depth < ErrorBody.depthMax else { return }
    switch view.kind {
    case .string: note(text: view.string ?? "", rank: depth * 10 + rank, depth: depth)
    case .array: for element in view.elements.prefix(ErrorBody.elementsMax) { read(element, depth: depth, rank: rank) }
    case .object:
      for (key, value) in view.members.prefix(64) {
        member((key.string ?? "").lowercased(), value, depth: depth, rank: rank)
      }
    default: return
    }
  }

  private mutating func member(_ key: String, _ value: JSONView, depth: Int, rank: Int) {
    if let place = ErrorBody.sentences.firstIndex(of: key) {
      if value.kind == .string {
        note(text: value.string ?? "", rank: depth * 10 + min(place, 3), depth: depth)
      } else {
        read(value, depth: depth + 1, rank: 4)
      }
    } else if ErrorBody.pauses.contains(key) {
      retryMilliseconds = retryMilliseconds ?? ErrorBody.pause(value)
    } else if ErrorBody.names.contains(key) {
      if let text = value.string { note(code: text) }
    } else if ErrorBody.nested.contains(key) {
      // What stands in the error itself is worth more than what stands beside it.
      read(value, depth: depth + (key == "error" ? 0 : 1), rank: 5)
    } else if rank == 5, value.kind == .string {
      note(text: value.string ?? "", rank: depth * 10 + 8, depth: depth)
    } else if rank == 5, value.kind == .array {
      read(value, depth: depth + 1, rank: 6)
    }
  }

  private static func pause(_ value: JSONView) -> Int64? {
    if let text = value.string { return RetryAfter.duration(text) ?? RetryAfter.seconds(text) }
    if value.kind == .number { return RetryAfter.seconds(String(decoding: value.rawBytes, as: UTF8.self)) }
    return nil
  }

  private mutating func note(code text: String) {
    guard !text.isEmpty, text.utf8.count <= ErrorBody.codeBytesMax, codes.count < ErrorBody.codesMax else { return }
    if code.isEmpty { code = text }
    codes.append(
      String(text.lowercased().map { $0 == "-" || $0 == " " || $0 == "." ? "_" : $0 }))
  }

  private mutating func note(text: String, rank: Int, depth: Int = 0) {
    let trimmed = text.drop { $0.isWhitespace }
    guard !trimmed.isEmpty else { return }
    // Proxies put the provider's own body into their message.
    if depth < 3, trimmed.first == "{" || trimmed.first == "[",
      let inner = try? JSONDocument(lenientlyParsing: Array(trimmed.utf8)), inner.root.kind != .string
    {
      return read(inner.root, depth: depth + 1, rank: 4)
    }
    if self.text.utf8.count < ErrorBody.textBytesMax {
      self.text += " " + trimmed.prefix(4000).lowercased()
    }
    guard rank < self.rank else { return }
    self.rank = rank
    message = ErrorBody.sentence(String(trimmed))
  }

  /// A provider's sentence as it can be shown and stored: short in characters and in bytes, without control characters.
  public static func sentence(_ text: String) -> String {
    var result = String.UnicodeScalarView()
    var bytes = 0
    for scalar in text.prefix(messageCharactersMax).unicodeScalars {
      bytes += scalar.utf8.count
      guard bytes <= messageBytesMax else { break }
      result.append(scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) ? " " : scalar)
    }
    return String(result)
  }

  // MARK: Other shapes

  /// The data of the first event of an event stream.
  private static func eventData(_ bytes: [UInt8]) -> [UInt8]? {
    for line in bytes.prefix(64 << 10).split(separator: 10).prefix(16) where line.starts(with: Array("data:".utf8)) {
      return Array(line.dropFirst(5))
    }
    return nil
  }

  /// A text without its tags; of a page the title.
  private static func plain(_ text: String) -> String {
    guard text.utf8.contains(UInt8(ascii: "<")) else { return text }
    let lower = text.lowercased()
    for tag in ["title", "h1"] {
      if let start = lower.firstRange(of: "<\(tag)>"), let end = lower[start.upperBound...].firstRange(of: "</") {
        let title = lower[start.upperBound..<end.lowerBound]
        // The same place in the text as it came; lower case may have another length.
        let from = lower.distance(from: lower.startIndex, to: start.upperBound)
        let inner = text.dropFirst(from).prefix(title.count)
        if !inner.allSatisfy(\.isWhitespace) { return inner.trimmed }
      }
    }
    var result = ""
    var isTag = false
    for character in text.prefix(4000) {
      if character == "<" {
        isTag = true
      } else if character == ">" {
        isTag = false
        if !(result.last?.isWhitespace ?? true) { result.append(" ") }
      } else if !isTag, !(character.isWhitespace && (result.last?.isWhitespace ?? true)) {
        result.append(character.isWhitespace ? " " : character)
      }
    }
    return result
  }
}

extension Substring {
  fileprivate var trimmed: String {
    var text = drop { $0.isWhitespace }
    while text.last?.isWhitespace ?? false { text.removeLast() }
    return String(text)
  }
}
