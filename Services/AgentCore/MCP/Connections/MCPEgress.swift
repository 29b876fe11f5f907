package import HTTP
internal import HTTPWire
internal import MCP
internal import Primitives
internal import Reactor
internal import SystemSources

/// Sends requests to servers of others, to addresses only that are allowed. Called on an event loop.
package protocol MCPEgress: Sendable {
  /// Sends a request and returns at the head of the answer. Redirects are not followed. Throws `MCPError`
  /// (`refusedAddress`, `cannotConnect`), `HTTPClientError` or `CancellationError`.
  func send(_ request: HTTPClientRequest) async throws -> HTTPClientResponse
}

/// Allows the hosts that the operator lists and no others.
package struct ListedHosts: MCPEgress {
  /// How closely an entry names a host.
  package enum Match: Int, Sendable, Comparable {
    /// `*`: any host of the public internet.
    case any
    /// `*.example.com`: a host of a domain whose names the operator vouches for, but not for each address that somebody
    /// gives them: never a metadata service.
    case domain
    /// The host itself, which may have any address.
    case host

    package static func < (left: Match, right: Match) -> Bool { left.rawValue < right.rawValue }
  }

  private let client: HTTPClient
  private let resolver: any HostResolver
  private let hosts: [String]

  /// Takes entries as `mcp.example.com`, `mcp.example.com:8443`, `*.example.com`, `*.example.com:8443` or `*`.
  package init(_ hosts: [String], client: HTTPClient) {
    self.init(hosts, client: client, resolver: SystemResolver())
  }

  init(_ hosts: [String], client: HTTPClient, resolver: any HostResolver) {
    self.hosts = hosts.map { $0.lowercased() }.filter { !$0.isEmpty }
    self.client = client
    self.resolver = resolver
  }

  /// How closely the entries name host and port; `nil` when none does.
  package static func match(_ hosts: [String], host: String, port: Int) -> Match? {
    let host = host.lowercased()
    let name = host.utf8.contains(0x3A) ? "[\(host)]" : host
    return hosts.compactMap { entry -> Match? in
      if entry == "*" { return .any }
      if entry == name || entry == "\(name):\(port)" { return .host }
      guard entry.hasPrefix("*.") else { return nil }
      let domain = entry.dropFirst()
      return host.hasSuffix(domain) || "\(host):\(port)".hasSuffix(domain) ? .domain : nil
    }.max()
  }

  package func send(_ request: HTTPClientRequest) async throws -> HTTPClientResponse {
    guard let match = ListedHosts.match(hosts, host: request.url.host, port: request.url.port) else {
      throw MCPError(.refusedAddress, "the host of the server is not among those that the operator allows")
    }
    if match == .host { return try await client.send(request, peer: "mcp") }
    let deadline = MonotonicClock.now() &+ UInt64(clamping: request.timeout.nanoseconds)
    let addresses: [WebAddress]
    do { addresses = try await resolver.addresses(of: request.url.host, before: deadline) } catch is ReactorError {
      throw MCPError(.cannotConnect, "the host of the server cannot be looked up at the moment")
    }
    guard !addresses.isEmpty else { throw MCPError(.cannotConnect, "the host of the server has no address") }
    // One that must not be reached among them is enough: which of them is taken would be chance.
    for address in addresses {
      let kind = AddressRules.kind(of: address)
      guard kind == .isPublic || (kind == .isPrivate && match == .domain) else {
        throw MCPError(
          .refusedAddress, "the host of the server has an address that the operator allows by the host's own name only")
      }
    }
    // What was checked is what is connected to.
    return try await client.send(request, to: addresses, peer: "mcp").0
  }
}
