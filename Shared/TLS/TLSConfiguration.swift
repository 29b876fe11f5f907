/// Whom a client trusts, and who it is itself. The files are read anew for each `TLSContext`.
public struct TLSConfiguration: Sendable, Hashable {
  /// PEM certificates of the authorities that are trusted; `nil` for those of the system.
  public var caFile: String?
  /// PEM certificate chain of the client; `nil` for none.
  public var certificateFile: String?
  /// PEM key of the client's certificate.
  public var keyFile: String?
  /// The name that the server's certificate must have; `nil` for the host that is connected to.
  public var serverName: String?

  /// Makes a configuration.
  public init(
    caFile: String? = nil, certificateFile: String? = nil, keyFile: String? = nil, serverName: String? = nil
  ) {
    self.caFile = caFile
    self.certificateFile = certificateFile
    self.keyFile = keyFile
    self.serverName = serverName
  }
}
