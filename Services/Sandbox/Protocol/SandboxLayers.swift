package import JSON

/// The layers of a jail that are active, as the jail reports them before it becomes the program.
package struct SandboxLayers: Hashable, Sendable {
  /// Revision of Landlock that is enforced; 0 without it.
  package var landlock: Int64 = 0
  /// Whether the list of allowed system calls is enforced.
  package var hasSystemCallFilter = false
  /// The user that the program runs as.
  package var user: Int64 = 0
  /// Whether that user is another one than the supervisor's.
  package var hasOwnUser = false
  /// Whether the process has no capability.
  package var hasNoCapabilities = false
  /// Namespaces that were made: of `user`, `net`, `ipc`, `uts`.
  package var namespaces: [String] = []

  package init() {}

  /// Reads the report of the jail.
  package init(_ frame: SandboxFrame) throws(SandboxMessageError) {
    var fields = try SandboxMessageError.fields(of: frame, .jailed, parts: 0)
    landlock = fields.int("landlock", isRequired: true, in: 0...1_000) ?? 0
    hasSystemCallFilter = fields.bool("seccomp", isRequired: true) ?? false
    user = fields.int("uid", isRequired: true, in: 0...Int64(UInt32.max)) ?? 0
    hasOwnUser = fields.bool("own_uid", isRequired: true) ?? false
    hasNoCapabilities = fields.bool("no_capabilities", isRequired: true) ?? false
    namespaces = fields.strings("namespaces", isRequired: true, countMax: 8, bytesMax: 16) ?? []
    try SandboxMessageError.finish(&fields)
  }

  /// Writes them, for states and health.
  package func write(to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("landlock", landlock)
    writer.member("seccomp", hasSystemCallFilter)
    writer.member("uid", user)
    writer.member("own_uid", hasOwnUser)
    writer.member("no_capabilities", hasNoCapabilities)
    writer.member("namespaces", namespaces)
    writer.endObject()
  }

  /// The frame on the wire.
  package var frame: SandboxFrame {
    var writer = JSONWriter()
    write(to: &writer)
    return SandboxFrame(.jailed, header: writer.bytes)
  }
}

/// Why a jail has not become the program.
package struct JailRefusal: Hashable, Sendable {
  /// The layer or step that has failed, such as `landlock` or `exec`.
  package let layer: String
  /// `errno` of it.
  package let code: Int64

  package init(_ frame: SandboxFrame) throws(SandboxMessageError) {
    var fields = try SandboxMessageError.fields(of: frame, .refused, parts: 0)
    layer = fields.string("layer", isRequired: true, bytesMax: 64) ?? ""
    code = fields.int("errno", isRequired: true, in: 0...10_000) ?? 0
    try SandboxMessageError.finish(&fields)
  }
}
