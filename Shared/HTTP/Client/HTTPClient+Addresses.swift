public import HTTPWire
internal import Primitives
internal import SystemSources

extension HTTPClient {
  /// Addresses that are tried when the first cannot be connected to.
  private static let addressesTriedMax = 3

  /// Sends a request to one of the addresses that were looked up and checked, and to no other: nobody looks the name
  /// up again, and no proxy does. Only what was never sent is tried at the next address. The timeout of the request is
  /// that of all tries.
  ///
  /// Returns the answer and the address that gave it. Throws as `send(_:peer:)`; `cannotConnect` without an address.
  public func send(
    _ request: HTTPClientRequest, to addresses: [WebAddress], peer: String
  ) async throws -> (HTTPClientResponse, from: WebAddress) {
    let deadline = MonotonicClock.now() &+ UInt64(clamping: request.timeout.nanoseconds)
    var last = HTTPClientError(.cannotConnect, reason: "the name has no address")
    for address in addresses.prefix(HTTPClient.addressesTriedMax) {
      let now = MonotonicClock.now()
      guard deadline > now else { throw HTTPClientError(.timedOut) }
      var pinned = request
      pinned.timeout = .nanoseconds(Int64(clamping: deadline - now))
      pinned.pinnedAddress = address.description
      do { return (try await send(pinned, peer: peer), address) } catch let error as HTTPClientError
        where error.code == .cannotConnect
      {
        last = error
      }
    }
    throw last
  }
}
