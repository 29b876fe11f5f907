public import JSON

/// How many tokens a request will have, told before any provider has counted them. Errs upwards for ordinary text, code
/// and JSON: it serves to reserve budgets, never to bill.
public enum TokenEstimate {
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
      case "messages", "input", "system", "tools", "instructions", "functions", "response_format", "text":
        sum += tokens(of: value, under: "")
      default: continue
      }
    }
    return sum + 8
  }

  private static func tokens(of value: JSONView, under key: String) -> Int64 {
    switch value.kind {
    case .string:
      let bytes = value.stringBytesMax ?? 0
      if bytes > mediaBytes, mediaKeys.contains(key) { return tokensPerImage }
      return Int64((bytes + bytesPerToken - 1) / bytesPerToken)
    case .array: return value.elements.reduce(0) { $0 + tokens(of: $1, under: key) }
    case .object:
      return value.members.reduce(2) { sum, member in
        let name = member.key.string ?? ""
        return sum + 2 + Int64(name.utf8.count / 8) + tokens(of: member.value, under: name)
      }
    case .number, .true, .false, .null: return 1
    }
  }
}
