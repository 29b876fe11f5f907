internal import Glibc
internal import LocalStack

/// Where the parts of an installation are.
package struct Installation: Sendable {
  /// A process of a service.
  package struct Replica: Sendable, Equatable {
    /// What it is called, such as `gateway-2` or `gateway at 10.0.0.7`.
    package let name: String
    /// The service.
    package let service: String
    /// The base address of its admin listener.
    package let adminURL: String
    /// Its id, when it runs on this machine.
    package var processID: Int32?
    /// Its log, when it is written on this machine.
    package var log: String?
  }

  /// The services of every installation.
  package static let services = ["gateway", "orchestrator", "llm-router", "agent-core"]

  package var replicas: [Replica] = []
  /// Names of services whose host is not known to the resolver, with the host.
  package var unresolved: [(service: String, host: String)] = []
  /// The connection string of the database.
  package var postgres: String?
  /// The address of Redis.
  package var redis: String?
  /// The base address of the API.
  package var api: String?
  /// A key for the API.
  package var apiKey: String?
  /// The folder of a local stack.
  package var data: String?
  /// Where the executables are.
  package var executables: String?
  /// Files of keys, by the setting that names them.
  package var keyFiles: [(setting: String, path: String)] = []
  /// Configuration files to check, by service.
  package var configurations: [(service: String, path: String)] = []

  package init() {}

  /// What must not be shown.
  var secrets: [String] { [postgres, redis].compactMap(\.self).flatMap(Redaction.secrets) + [apiKey ?? ""] }

  /// The stack of a data folder; `nil` when none runs there.
  package static func local(data: String) -> Installation? {
    guard let state = StackState.read(data) else { return nil }
    let folder = FileAccess.absolute(data)
    var found = Installation()
    found.data = folder
    found.executables = state.executables
    found.postgres = state.postgres
    found.redis = state.redis
    found.api = state.url
    found.apiKey = FileAccess.read(folder + "/api-key")?.split(separator: "\n").first.map(String.init)
    found.replicas = state.processes.map {
      Replica(
        name: $0.name, service: $0.service, adminURL: "http://127.0.0.1:\($0.adminPort)", processID: $0.processID,
        log: "\(folder)/logs/\($0.name).log")
    }
    return found
  }
}

/// The command line or the environment names an installation in a way that is not understood.
package struct InstallationError: Error, CustomStringConvertible {
  /// What is expected.
  package let description: String
}
