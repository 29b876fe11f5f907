package import AgentWorkspace
internal import Contracts
internal import Glibc
package import Reactor
internal import Synchronization
internal import SystemSources
package import Telemetry

/// The servers of all tenants that this worker runs: one runner for each version of a registration.
package final class MCPServers: Sendable {
  private struct Key: Hashable {
    let tenant: TenantID
    let server: MCPServerID
  }

  private struct Known {
    let runner: ServerRunner
    /// When it was asked for last, in monotonic nanoseconds.
    var askedAt: UInt64
  }

  let environment: RunnerEnvironment
  private let group: EventLoopGroup
  private let runners = Mutex<[Key: Known]>([:])

  /// None run.
  package init(
    _ configuration: MCPConfiguration, registry: any RegistryReading, egress: any MCPEgress, worker: String,
    group: EventLoopGroup, telemetry: Telemetry
  ) {
    self.group = group
    environment = RunnerEnvironment(
      configuration: configuration, egress: egress, registry: registry,
      slots: ProcessSlots(
        totalMax: configuration.processesMax, tenantMax: configuration.processesPerTenantMax),
      metrics: MCPMetrics(telemetry.registry), telemetry: telemetry, worker: worker)
  }

  /// Programs that run at the moment.
  package var processes: Int { environment.slots.count }

  /// The runner of a server; one of an older version of its registration ends after its calls. `nil` when all that
  /// there may be are in use.
  func runner(_ server: RegisteredMCPServer, of tenant: TenantID) -> ServerRunner? {
    let key = Key(tenant: tenant, server: server.id)
    let now = MonotonicClock.now()
    let (runner, old) = runners.withLock { runners -> (ServerRunner?, ServerRunner?) in
      var old = runners[key]?.runner
      if let known = old, known.server.version == server.version, known.server.trust == server.trust {
        runners[key]?.askedAt = now
        return (known, nil)
      }
      if old == nil, runners.count >= environment.configuration.serversMax {
        old = MCPServers.makeRoom(&runners)
        guard old != nil else { return (nil, nil) }
      }
      let made = ServerRunner(server, tenant: tenant, loop: group.next(), environment)
      runners[key] = Known(runner: made, askedAt: now)
      return (made, old)
    }
    if let old { old.loop.execute { old.retire() } }
    return runner
  }

  /// Forgets the server that nobody has asked for longest, of those that are not in use: tenants come and go, and a
  /// worker stays.
  private static func makeRoom(_ runners: inout [Key: Known]) -> ServerRunner? {
    let idle = runners.lazy.filter { !$0.value.runner.isInUse }
    guard let key = idle.min(by: { $0.value.askedAt < $1.value.askedAt })?.key else { return nil }
    return runners.removeValue(forKey: key)?.runner
  }

  /// Ends the servers of a tenant that are not registered any more.
  func keep(_ servers: [RegisteredMCPServer], of tenant: TenantID) {
    let ids = Set(servers.map(\.id))
    let gone = runners.withLock { runners in
      let keys = runners.keys.filter { $0.tenant == tenant && !ids.contains($0.server) }
      return keys.compactMap { runners.removeValue(forKey: $0)?.runner }
    }
    for runner in gone { runner.loop.execute { runner.retire() } }
  }

  /// Closes everything and waits until no program is left.
  package func shutDown() async {
    let all = runners.withLock { runners in
      defer { runners = [:] }
      return runners.values.map(\.runner)
    }
    await withTaskGroup(of: Void.self) { group in
      for runner in all {
        group.addTask(executorPreference: runner.loop) { await runner.shutDown() }
      }
    }
    guard let folder = environment.configuration.jail?.folder else { return }
    // Empty by now; it may also be a mount.
    _ = try? await BlockingPool.shared.run { rmdir(folder) }
  }
}

extension EventLoop {
  /// Runs `body` on this loop for a task that may live on another one; the task's cancellation reaches it.
  func hop<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
    let work = task(body)
    return try await withTaskCancellationHandler {
      try await work.value
    } onCancel: {
      work.cancel()
    }
  }
}
