/// An identifier of one kind of thing that consists of a UUID. Those that may ask the clock can make fresh ones
/// (module `SystemSources`).
public protocol UUIDWrapper: Sendable {
  /// Wraps an identifier.
  init(_ uuid: UUID)
}
