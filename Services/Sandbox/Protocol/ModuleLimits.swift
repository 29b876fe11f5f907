package import JSON

/// What an untrusted module may be before the compiler sees it. Compilers need much more time and memory than the
/// bytes of a module suggest, so its shape is bounded too.
package struct ModuleLimits: Hashable, Sendable {
  /// Bytes of the module.
  package var bytes: Int64 = 4 << 20
  /// Functions with a body.
  package var functions: Int64 = 20_000
  /// Bytes of one body.
  package var functionBytes: Int64 = 256 << 10
  /// Locals of one function.
  package var locals: Int64 = 20_000
  /// Types, imports, exports, globals, tables, elements and data segments, each.
  package var entries: Int64 = 20_000

  package init() {}

  private static var members: [(String, WritableKeyPath<ModuleLimits, Int64>)] {
    [
      ("bytes", \.bytes), ("functions", \.functions), ("function_bytes", \.functionBytes), ("locals", \.locals),
      ("entries", \.entries),
    ]
  }

  package func write(to writer: inout JSONWriter) {
    writer.beginObject()
    for (name, path) in Self.members { writer.member(name, self[keyPath: path]) }
    writer.endObject()
  }

  init(_ fields: inout JSONFields) {
    for (name, path) in Self.members {
      if let value = fields.int(name, in: 0...(64 << 20)) { self[keyPath: path] = value }
    }
  }
}
