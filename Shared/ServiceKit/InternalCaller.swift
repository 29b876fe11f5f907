internal import Contracts
internal import Crypto
public import HTTP
internal import HTTPWire
public import Settings

/// The installation's secret by which the services know each other.
public struct InternalToken: Sendable {
  private let bytes: [UInt8]
  /// The value of the header.
  public let text: String

  /// Takes the secret from the settings. Throws when it is too short to be one.
  public init(_ secret: Secret) throws {
    text = secret.reveal()
    bytes = Array(text.utf8)
    guard bytes.count >= 16 else {
      throw InternalTokenError(description: "internal.token must have at least 16 bytes")
    }
  }

  /// Lets only requests pass that show the secret. Throws a 401 `Problem`.
  public func require(_ request: HTTPRequest) throws(Problem) {
    let shown = request.headers[InternalHeader.token].map { Array($0.utf8) } ?? []
    guard Secrets.equal(shown, bytes) else {
      throw Problem(.unauthorized, code: "internal_only", "This address is for the services of the installation.")
    }
  }
}

/// The internal token is not usable.
public struct InternalTokenError: Error, CustomStringConvertible {
  /// What to do.
  public let description: String
}
