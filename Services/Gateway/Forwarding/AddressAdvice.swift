internal import Contracts

/// Messages for addresses that clients of OpenAI and Anthropic try and that are not offered: most of them are a base
/// URL that is a little wrong.
package enum AddressAdvice {
  /// Addresses without parameters, behind `/v1`.
  private static let offered: [String] = Set(
    Routes.models.map { String($0.pattern.dropFirst(3)) }.filter { !$0.contains("{") }
  ).sorted { ($1.utf8.count, $1) < ($0.utf8.count, $0) }

  /// What the parts of addresses that are not offered stand for.
  private static let areas: [String: String] = [
    "assistants": "Assistants are", "audio": "Audio is", "batches": "Batches are", "chatkit": "ChatKit is",
    "complete": "The old text completions are",
    "containers": "Containers are", "conversations": "Conversations are", "edits": "Edits are", "evals": "Evals are",
    "engines": "Engines are", "fine_tuning": "Fine-tuning is", "images": "Images are",
    "organization": "Administration of organizations is",
    "organizations": "Administration of organizations is", "realtime": "Realtime sessions are", "skills": "Skills are",
    "threads": "Threads are", "uploads": "Uploads are", "vector_stores": "Vector stores are", "videos": "Videos are",
  ]

  /// The offered address that the path ends with, such as `/chat/completions` of `/openai/chat/completions`.
  static func offeredSuffix(of path: String) -> String? {
    let clean = cleaned(path)
    return offered.first { clean == $0 || clean.hasSuffix($0) }
  }

  /// Without empty parts: no double slashes, none at the end.
  private static func cleaned(_ path: String) -> String {
    path.split(separator: "/").map { "/" + $0 }.joined()
  }

  /// A sentence for a path at which nothing answers.
  package static func unknown(_ path: String) -> String {
    let clean = cleaned(path)
    if let suffix = offeredSuffix(of: path) {
      let address = "/v1\(suffix)"
      if clean == address {
        return "The address has a slash too many: it is \(address). Take the slash at the end off the base URL."
      }
      if clean == suffix {
        return "The base URL must end with /v1: this address is \(address)."
      }
      if clean == "/v1" + address {
        return
          "The address holds /v1 twice: it is \(address). Anthropic's clients add /v1 themselves, so their base URL ends with the port."
      }
      return
        "There is no such address; \(address) is. Set the base URL to this server's, with /v1 for clients of OpenAI."
    }
    if clean.hasPrefix("/v1/chat/completions/") { return "Chat completions are not stored here." }
    let parts = clean.split(separator: "/").map(String.init)
    if let area = parts.last(where: { areas[$0] != nil }).flatMap({ areas[$0] }) {
      return "\(area) not offered here. \(offer)"
    }
    return "Nothing is offered at this address. \(offer)"
  }

  /// A sentence for a method that a path does not answer. `allowed` is the value of `Allow`.
  package static func otherMethod(_ path: String, allowed: String) -> String {
    "This address answers \(allowed) only. \(offer)"
  }

  private static var offer: String {
    "Offered are \(offered.sorted().map { "/v1\($0)" }.joined(separator: ", "))."
  }
}
