public import HTTP
public import PolicyDecisions
public import Postgres
public import Settings
public import Telemetry

/// The engine of a service that has a schema, with what keeps its bundle, its switches and the data of tenants up to
/// date.
public struct FollowedPolicies: Sendable {
  private let runtime: PolicyRuntime
  /// What was delivered.
  public let state: PolicyStateFollower

  /// Reads the settings and loads the bundle; blocks. Throws when the policies cannot be used: then nothing may start.
  /// What is delivered stands in the schema of a pool; `labels` name the process in the decision log.
  public init(
    _ settings: Settings, client: HTTPClient, telemetry: Telemetry, labels: [(String, String)], pool: PostgresPool,
    schema: String
  ) throws(PolicyBundleError) {
    runtime = try PolicyRuntime(settings, client: client, telemetry: telemetry, labels: labels)
    state = PolicyStateFollower(
      PolicyStateStore(pool: pool, schema: schema), DeliveredPolicies(runtime.engine.control, telemetry: telemetry),
      telemetry: telemetry)
  }

  /// The engine.
  public var engine: PolicyEngine { runtime.engine }

  /// Reads what is stored, before anything is decided. Throws what the database throws.
  public func load() async throws { try await state.load() }

  /// Works until the task is cancelled.
  public func run() async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { [runtime] in await runtime.run() }
      group.addTask { [state] in await state.run() }
    }
  }

  /// Stops hearing of changes, and writes what is left of the decision log; blocks.
  public func close() {
    state.close()
    engine.flush()
  }
}
