public import HTTPWire

/// A host that may be reached, as the operator has named it: `example.com`, `*.example.com` (every host below, not the
/// host itself), `*` (every name), each with `:PORT` or without. Addresses are named exactly.
public struct HostPattern: Hashable, Sendable {
  private enum Form: Hashable, Sendable {
    case every
    case below(String)
    case exactly(String)
  }

  private let form: Form
  /// The one port; `nil` is those that are allowed for all hosts.
  public let port: Int?

  /// Reads a pattern; `nil` when it is none.
  public init?(_ text: String) {
    var host = text.lowercased()[...]
    var port: Int?
    if host.hasPrefix("["), let close = host.firstIndex(of: "]") {
      let behind = host[host.index(after: close)...]
      host = host[host.index(after: host.startIndex)..<close]
      guard behind.isEmpty || behind.hasPrefix(":"), WebAddress(host) != nil else { return nil }
      if !behind.isEmpty {
        port = Int(behind.dropFirst())
        if port == nil { return nil }
      }
    } else if host.count(where: { $0 == ":" }) == 1, let colon = host.firstIndex(of: ":") {
      port = Int(host[host.index(after: colon)...])
      if port == nil { return nil }
      host = host[..<colon]
    }
    if let port, !(1...65535).contains(port) { return nil }
    self.port = port
    if host == "*" {
      form = .every
    } else if host.hasPrefix("*.") {
      let parent = String(host.dropFirst(2))
      guard FetchHost.isName(parent) else { return nil }
      form = .below(parent)
    } else if let address = WebAddress(host) {
      form = .exactly(address.description)
    } else {
      guard FetchHost.isName(String(host)) else { return nil }
      form = .exactly(String(host))
    }
  }

  /// Whether it names a host; `*` and `*.` name no addresses.
  func names(_ host: FetchHost) -> Bool {
    switch form {
    case .every: host.address == nil
    case .below(let parent): host.address == nil && host.text.hasSuffix("." + parent)
    case .exactly(let name): host.text == name
    }
  }
}

/// A host of a URL in its one form: a name in small letters without a final dot, or an address.
public struct FetchHost: Hashable, Sendable {
  /// The name, or the text of the address as `WebAddress` writes it.
  public let text: String
  /// The address, when it is one.
  public let address: WebAddress?

  private static let nameBytesMax = 253
  private static let labelBytesMax = 63

  /// Reads a host as it stands in a URL, IPv6 without brackets. `nil` for everything that a resolver could take for an
  /// address and that is none in the strict form.
  init?(_ host: String) {
    if let address = WebAddress(host) {
      self.address = address
      text = address.description
      return
    }
    var name = host.lowercased()
    if name.hasSuffix(".") { name.removeLast() }
    guard FetchHost.isName(name) else { return nil }
    address = nil
    text = name
  }

  /// Whether a text is a host name and nothing that a resolver takes for an address: its last label is not numeric.
  static func isName(_ text: String) -> Bool {
    guard (1...nameBytesMax).contains(text.utf8.count) else { return false }
    let labels = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    let arePlain = labels.allSatisfy { label in
      (1...labelBytesMax).contains(label.count) && label.first != UInt8(ascii: "-") && label.last != UInt8(ascii: "-")
        && label.allSatisfy {
          $0 &- 48 < 10 || (0x61...0x7A).contains($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_")
        }
    }
    guard arePlain, let last = labels.last else { return false }
    let isNumber = last.allSatisfy { $0 &- 48 < 10 } || last.starts(with: Array("0x".utf8))
    return !isNumber
  }
}
