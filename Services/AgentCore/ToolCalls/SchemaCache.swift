internal import AgentTools
internal import Contracts
internal import Synchronization

/// Schemas of tools, compiled once. Bounded: when it is full it begins anew.
final class SchemaCache: Sendable {
  private static let countMax = 1024

  private let schemas = Mutex<[[UInt8]: CompiledToolSchema?]>([:])

  /// The schema of a tool; `nil` when it cannot be compiled.
  func schema(of definition: ToolDefinition) -> CompiledToolSchema? {
    if let known = schemas.withLock({ $0[definition.parameters] }) { return known }
    let compiled = CompiledToolSchema(definition)
    schemas.withLock { schemas in
      if schemas.count >= SchemaCache.countMax { schemas = [:] }
      schemas[definition.parameters] = .some(compiled)
    }
    return compiled
  }
}
