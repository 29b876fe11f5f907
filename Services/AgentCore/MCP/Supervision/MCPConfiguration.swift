package import MCP

/// How servers are run.
package struct MCPConfiguration: Sendable {
  /// Programs that servers over stdio may be: absolute paths, or folders that end in a slash. None: no such servers.
  package var commands: [String] = []
  /// Programs at the same time, of all tenants.
  package var processesMax = 32
  /// Programs of one tenant at the same time.
  package var processesPerTenantMax = 16
  /// Servers of all tenants of which this worker keeps what it knows.
  package var serversMax = 4096
  /// Calls of one server that wait or run.
  package var callsMax = 64
  /// Tools, resources or prompts of one server.
  package var listMax = 2000
  /// Time for a connection to be open and its tools known.
  package var startTime = Duration.seconds(20)
  /// How long a program may take to answer the question for its era; an old server may stay silent.
  package var probeTime = Duration.seconds(5)
  /// How long a step waits for the tools of a server of which nothing is known yet.
  package var discoveryTime = Duration.seconds(8)
  /// Time after which the tools of an open connection are read again. Each server waits a little more or less.
  package var checkTime = Duration.seconds(300)
  /// What a shorter lifetime of a list counts as.
  package var listLifetimeMin = Duration.seconds(10)
  /// Private memory of one process of a program that runs outside of the jail, in bytes; 0 for no limit.
  package var memoryBytesMax: UInt64 = 0
  /// What programs run in; `nil` when the operator wants them to run as this process does.
  package var jail: ServerJail?
  /// `sandbox-jail`, which sees to the end of programs that run as this process does.
  package var launcher = ""
  /// Pauses and limits of restarts.
  package var supervision = SupervisionStateMachine.Policy()
  /// Limits of messages.
  package var limits = MCPLimits.standard

  /// The defaults.
  package init() {}

  /// Whether a program may be started.
  package func allows(command: String) -> Bool {
    guard command.hasPrefix("/"), !command.split(separator: "/").contains("..") else { return false }
    return commands.contains { $0 == command || ($0.hasSuffix("/") && $0.count > 1 && command.hasPrefix($0)) }
  }
}
