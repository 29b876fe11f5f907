public import HTTPWire

/// Whose word on the address of a client counts.
///
/// What a client writes into `X-Forwarded-For` stands left of what the proxies add. So the list is read from the right:
/// the first address that is no trusted proxy is the client. Anything that cannot be read ends the search.
public struct TrustedProxies: Sendable {
  /// Elements that are looked at, from the right.
  private static let elementsMax = 32

  private let networks: [IPNetwork]

  /// Trusts proxies in these networks.
  public init(_ networks: [IPNetwork]) { self.networks = networks }

  /// Whether the word of an address counts.
  public func trusts(_ address: NetworkAddress) -> Bool { networks.contains { $0.contains(address) } }

  /// The client of a request that came from `peer`.
  public func client(of headers: HTTPHeaders, from peer: NetworkAddress?) -> NetworkAddress? {
    guard !networks.isEmpty, let peer, trusts(peer) else { return peer }
    let forwarded = headers.values(of: .forwarded)
    // Of two fields that may contradict each other the standard one counts (RFC 7239).
    let elements =
      forwarded.isEmpty
      ? TrustedProxies.elements(headers.values(of: .xForwardedFor)).map { Optional($0) }
      : TrustedProxies.elements(forwarded).map(TrustedProxies.forParameter)
    var client = peer
    for element in elements.reversed().prefix(TrustedProxies.elementsMax) {
      guard let element, let address = TrustedProxies.address(element) else { return client }
      client = address
      guard trusts(address) else { return client }
    }
    return client
  }

  private static func elements(_ values: [String]) -> [Substring] {
    values.flatMap { $0.split(separator: ",", omittingEmptySubsequences: false) }
  }

  /// The value of `for` in an element of `Forwarded`.
  private static func forParameter(_ element: Substring) -> Substring? {
    for pair in element.split(separator: ";") {
      let parts = pair.split(separator: "=", maxSplits: 1)
      guard parts.count == 2, trimmed(parts[0]).lowercased() == "for" else { continue }
      return trimmed(parts[1])
    }
    return nil
  }

  /// `address`, `address:port`, `[address]`, `[address]:port`, quoted or not.
  private static func address(_ text: Substring) -> NetworkAddress? {
    var text = trimmed(text)
    if text.count >= 2, text.first == "\"", text.last == "\"" { text = text.dropFirst().dropLast() }
    if text.first == "[" {
      guard let end = text.firstIndex(of: "]") else { return nil }
      return NetworkAddress(text[text.index(after: text.startIndex)..<end])
    }
    if let colon = text.firstIndex(of: ":"), text.lastIndex(of: ":") == colon { return NetworkAddress(text[..<colon]) }
    return NetworkAddress(text)
  }

  private static func trimmed(_ text: Substring) -> Substring {
    var text = text
    while let first = text.first, first == " " || first == "\t" { text = text.dropFirst() }
    while let last = text.last, last == " " || last == "\t" { text = text.dropLast() }
    return text
  }
}
