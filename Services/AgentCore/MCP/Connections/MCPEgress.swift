package import HTTP
internal import HTTPWire
internal import MCP

/// Sends requests to servers of others, to addresses only that are allowed. Called on an event loop.
package protocol MCPEgress: Sendable {
  /// Sends a request and returns at the head of the answer. Redirects are not followed. Throws `MCPError`
  /// (`refusedAddress`), `HTTPClientError` or `CancellationError`.
  func send(_ request: HTTPClientRequest) async throws -> HTTPClientResponse
}

/// Allows the hosts that the operator lists and no others. What is listed may be a private address: the operator has
/// vouched for it.
package struct ListedHosts: MCPEgress {
  private let client: HTTPClient
  private let hosts: [String]

  /// Takes entries as `mcp.example.com`, `mcp.example.com:8443`, `*.example.com` or `*`.
  package init(_ hosts: [String], client: HTTPClient) {
    self.hosts = hosts.map { $0.lowercased() }.filter { !$0.isEmpty }
    self.client = client
  }

  /// Whether an entry names host and port.
  package static func allows(_ hosts: [String], host: String, port: Int) -> Bool {
    let host = host.lowercased()
    let name = host.utf8.contains(0x3A) ? "[\(host)]" : host
    return hosts.contains { entry in
      if entry == "*" || entry == name || entry == "\(name):\(port)" { return true }
      return entry.hasPrefix("*.") && host.hasSuffix(entry.dropFirst())
    }
  }

  package func send(_ request: HTTPClientRequest) async throws -> HTTPClientResponse {
    guard ListedHosts.allows(hosts, host: request.url.host, port: request.url.port) else {
      throw MCPError(.refusedAddress, "the host of the server is not among those that the operator allows")
    }
    return try await client.send(request, peer: "mcp")
  }
}
