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
    case "succeeded": lines.append("Answer:  \(run["result"]?["answer"]?.string ?? "")")
    case "failed":
      lines.append("Failed:  \(run["failure"]?["message"]?.string ?? "") (\(run["failure"]?["code"]?.string ?? ""))")
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
}

extension Optional where Wrapped == String {
  fileprivate var orEmpty: String { self ?? "" }
}
