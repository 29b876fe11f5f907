internal import Reactor
internal import TLS

/// TLS under a connection: what is to be sent waits here as plaintext until the end of the turn, or of the handshake.
///
/// Belongs to one connection, on its loop.
final class SecuredStream {
  private let session: TLSSession
  private var isScheduled = false
  /// What was written and not yet sealed.
  var plaintext = ByteBuffer()
  /// Bytes of plaintext that were sealed so far: they may have arrived.
  private(set) var bytesSealed: UInt64 = 0
  /// Whether there is something for the peer beyond what a turn writes.
  private(set) var hasOutput = true

  private init(_ session: TLSSession) { self.session = session }

  /// A stream for a configuration, `nil` for one without TLS. Throws `tlsFailed`.
  static func make(_ configuration: RedisConfiguration) async throws(RedisError) -> SecuredStream? {
    guard let tls = configuration.tls, case .host(let host, _) = configuration.address else { return nil }
    do {
      // The files are read for each connection, so that renewed certificates need no restart.
      let context = try await BlockingPool.shared.run { try TLSContext(tls) }
      return SecuredStream(try TLSSession(context, host: host))
    } catch let error as TLSError {
      throw RedisError(error)
    } catch {
      throw RedisError(.cancelled)
    }
  }

  /// Whether the end of the turn has to be awaited; false when somebody does already.
  func needsSealing() -> Bool {
    defer { isScheduled = true }
    return !isScheduled
  }

  /// Seals what waits; `deliver` gets the records, and what TLS itself has to say. Throws `TLSError`.
  func seal(_ deliver: (UnsafeRawBufferPointer) -> Void) throws(TLSError) {
    isScheduled = false
    hasOutput = false
    session.takeOutput(deliver)
    guard session.isEstablished, !plaintext.isEmpty else { return }
    try session.seal(plaintext.readable, deliver)
    bytesSealed &+= UInt64(plaintext.count)
    plaintext.consume(plaintext.count)
    plaintext.releaseIfEmpty()
  }

  /// Takes records of the peer; `deliver` gets what they contain. Throws `TLSError`, and what `deliver` throws.
  func receive(_ records: UnsafeRawBufferPointer, _ deliver: (UnsafeRawBufferPointer) throws -> Void) throws {
    let wasEstablished = session.isEstablished
    defer { hasOutput = hasOutput || session.hasOutput || session.isEstablished != wasEstablished }
    try session.receive(records)
    while let piece = try session.open() { try deliver(piece) }
  }
}
