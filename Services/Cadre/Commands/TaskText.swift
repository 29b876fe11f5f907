internal import JSON
internal import Primitives

/// A task for people to read.
enum TaskText {
  static func describe(_ root: JSONView) -> String {
    guard let run = root["run"], let status = root["status"]?.string else {
      return "\(root["detail"]?.string ?? root["title"]?.string ?? "an answer that is not understood")"
    }
    var lines: [String] = []
    switch status {
    case "succeeded": lines.append("Answer:  \(plain(run["result"]?["answer"]?.string ?? ""))")
    case "failed":
      let message = plain(run["failure"]?["message"]?.string ?? "")
      lines.append("Failed:  \(message) (\(run["failure"]?["code"]?.string ?? ""))")
    default: lines.append("Status:  \(status)")
    }
    let usage = run["usage"]
    let cost = DollarAmount.text(micro: usage?["cost_microusd"]?.int ?? 0)
    let unpriced = usage?["unpriced_calls"]?.int ?? 0
    lines.append(
      "Tokens:  \(usage?["input_tokens"]?.int ?? 0) in, \(usage?["output_tokens"]?.int ?? 0) out"
        + "   Cost: \(cost)\(unpriced > 0 ? " + \(unpriced) calls of unknown price" : "")"
        + (run["duration_ms"]?.int).map { "   Time: \($0) ms" }.orEmpty)
    lines.append("Task:    \(root["id"]?.string ?? "")   Run: \(run["id"]?.string ?? "")")
    return lines.joined(separator: "\n")
  }

  /// Text of several lines as a model has written it, which must not steer a terminal: without control characters but
  /// line feeds and tabs, and without marks that nobody sees but joiners, which scripts need.
  private static func plain(_ text: String) -> String {
    var scalars = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      switch scalar.value {
      case 0x09, 0x0A, 0x200C, 0x200D: scalars.append(scalar)
      default:
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: scalars.append(" ")
        default: scalars.append(scalar)
        }
      }
    }
    return String(scalars)
  }
}

extension Optional where Wrapped == String {
  fileprivate var orEmpty: String { self ?? "" }
}
