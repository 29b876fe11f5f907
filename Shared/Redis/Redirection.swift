internal import Reactor

/// What a node of a cluster answers instead of executing a command.
enum Redirection: Equatable {
  /// The slot is served by another node, from now on.
  case moved(slot: Int, host: String?, port: Int)
  /// This one command is to be asked of another node: the slot is on its way there.
  case ask(host: String?, port: Int)
  /// The keys of the command are on two nodes while their slot is on its way.
  case tryAgain
  /// Nobody serves the slot now.
  case clusterDown

  /// Reads the text of an error; `nil` for one that is no redirection. A host that is missing is the node's own.
  init?(_ error: RedisError) {
    guard let prefix = error.serverPrefix else { return nil }
    let words = error.detail.split(separator: " ")
    switch prefix {
    case "MOVED":
      guard words.count == 3, let slot = Int(words[1]), (0..<KeySlot.count).contains(slot),
        let place = Redirection.place(words[2])
      else { return nil }
      self = .moved(slot: slot, host: place.host, port: place.port)
    case "ASK":
      guard words.count == 3, let place = Redirection.place(words[2]) else { return nil }
      self = .ask(host: place.host, port: place.port)
    case "TRYAGAIN": self = .tryAgain
    case "CLUSTERDOWN": self = .clusterDown
    default: return nil
    }
  }

  /// `host:port`; the host may have colons itself (IPv6) or be missing.
  private static func place(_ text: Substring) -> (host: String?, port: Int)? {
    guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
      (1...65_535).contains(port)
    else { return nil }
    let host = text[..<colon]
    return (host.isEmpty || host == "?" ? nil : String(host), port)
  }
}
