public import JSON
internal import Primitives

/// How many tokens a request will have, estimated before any provider has counted them. Errs upwards for ordinary text,
/// code and JSON: it serves to reserve budgets, never to bill.
public enum TokenEstimate {
  /// The most tokens of an answer that are thought possible in a second, where nobody can say how many there were. More
  /// than nearly all models make; a provider that is faster is charged too little only when it breaks off.
  public static let tokensPerSecondMax: Int64 = 1000

  /// Bytes of text to a token. English has 4.4, code about 3, Chinese 3 (a character).
  private static let bytesPerToken = 3
  /// What an image is taken for, the most that providers charge for one at standard resolution.
  private static let tokensPerImage: Int64 = 2000
  /// Longer texts under these keys are encoded images or files, not words.
  private static let mediaKeys: Set<String> = ["data", "url", "image_url", "file_data", "input_image"]
  private static let mediaBytes = 2048

  /// Tokens of a request body in any dialect.
  public static func prompt(_ root: JSONView) -> Int64 {
    var sum: Int64 = 0
    for (key, value) in root.members {
      switch key.string ?? "" {
      case "messages", "input", "prompt", "system", "tools", "instructions", "functions", "response_format", "text":
        sum = sum.addingClamped(tokens(of: value, under: ""))
      default: continue
      }
    }
    return sum.addingClamped(8)
  }

  /// The fewest tokens that a prompt can have, by any tokenizer in use: only this may be a reason to refuse. Long runs
  /// of one letter or of spaces are a token for many bytes.
  public static func promptMin(_ estimate: Int64) -> Int64 { estimate / 4 }

  /// Bytes of an encoded document to a token, where a budget has to be kept: a text in a PDF is compressed.
  private static let documentBytesPerToken: Int64 = 4

  /// What encoded documents of a prompt can be beyond the estimate: a provider counts the text and a picture of every
  /// page.
  public static func documents(_ root: JSONView) -> Int64 {
    var sum: Int64 = 0
    for name in ["messages", "input", "system"] {
      if let part = root[name] { sum = sum.addingClamped(documents(in: part)) }
    }
    return sum
  }

  private static func documents(in value: JSONView) -> Int64 {
    switch value.kind {
    case .array: return value.elements.reduce(0) { $0.addingClamped(documents(in: $1)) }
    case .object:
      let type = value["type"]?.string
      if type == "document" || type == "file" || type == "input_file" {
        let holder = value["source"] ?? value["file"] ?? value
        let bytes = (holder["data"] ?? holder["file_data"])?.stringBytesMax ?? 0
        if bytes > mediaBytes { return Int64(bytes) / documentBytesPerToken }
      }
      return ["content", "output"].reduce(0) { sum, name in
        value[name].map { sum.addingClamped(documents(in: $0)) } ?? sum
      }
    default: return 0
    }
  }

  /// What an answer is taken for when nobody has counted it: by the bytes of its texts, thoughts and arguments.
  public static func answer(bytes: Int64) -> Int64 { max(0, bytes).addingClamped(2) / 3 }

  /// Bytes of texts, thoughts and arguments in a whole answer of any dialect.
  public static func answerBytes(_ root: JSONView) -> Int64 {
    var sum: Int64 = 0
    for name in ["choices", "content", "output"] {
      if let part = root[name] { sum = sum.addingClamped(texts(of: part)) }
    }
    return sum
  }

  /// Strings that a model did not write.
  private static let labels: Set<String> = [
    "id", "type", "role", "object", "finish_reason", "stop_reason", "status", "call_id", "model", "signature",
    "annotations", "logprobs", "phase", "citations", "native_finish_reason",
  ]

  private static func texts(of value: JSONView) -> Int64 {
    switch value.kind {
    case .string: Int64(value.stringBytesMax ?? 0)
    case .array: value.elements.reduce(0) { $0.addingClamped(texts(of: $1)) }
    case .object:
      value.members.reduce(0) { sum, member in
        let name = member.key.string ?? ""
        return labels.contains(name) ? sum : sum.addingClamped(texts(of: member.value))
      }
    case .number, .true, .false, .null: 0
    }
  }

  private static func tokens(of value: JSONView, under key: String) -> Int64 {
    switch value.kind {
    case .string:
      let bytes = value.stringBytesMax ?? 0
      if bytes > mediaBytes, mediaKeys.contains(key) { return tokensPerImage }
      return Int64((bytes + bytesPerToken - 1) / bytesPerToken)
    case .array: return value.elements.reduce(0) { $0.addingClamped(tokens(of: $1, under: key)) }
    case .object:
      return value.members.reduce(2) { sum, member in
        let name = member.key.string ?? ""
        return sum.addingClamped(2 + Int64(name.utf8.count / 8)).addingClamped(tokens(of: member.value, under: name))
      }
    case .number, .true, .false, .null: return 1
    }
  }
}
