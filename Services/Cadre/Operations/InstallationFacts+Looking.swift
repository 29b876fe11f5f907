internal import LocalStack

extension InstallationFacts {
  /// Looks at everything beside each other; each look has `seconds`.
  static func look(at installation: Installation, seconds: Int) -> InstallationFacts {
    enum Part: Sendable {
      case replica(ReplicaFacts)
      case database(Outcome<DatabaseFacts>)
      case redis(Outcome<RedisFacts>)
      case api(Outcome<APIFacts>)
      case keys([KeyFacts])
      case configuration(ConfigurationFacts?)
    }
    let executables = installation.executables ?? ""
    var calls: [@Sendable () -> Part] = []
    if let address = installation.postgres {
      calls.append { .database(StoreProbes.database(address, seconds: seconds)) }
    }
    if let address = installation.redis {
      let options = installation.redisOptions
      calls.append { .redis(StoreProbes.redis(address, options, seconds: seconds)) }
    }
    if let api = installation.api {
      calls.append { [key = installation.apiKey, isLocal = installation.data != nil] in
        .api(ServiceProbes.call(api, key: key, isLocal: isLocal, seconds: seconds))
      }
    }
    for (setting, path) in installation.keyFiles {
      calls.append { .keys([MachineProbes.keys(file: path, owner: path, service: "", setting: setting)]) }
    }
    for (service, file) in installation.configurations {
      calls.append {
        .configuration(
          MachineProbes.configuration(service, file: file, executables: executables, seconds: seconds))
      }
    }
    for replica in installation.replicas {
      calls.append { .replica(ServiceProbes.look(at: replica, seconds: seconds)) }
      guard replica.processID != nil else { continue }
      calls.append { .keys(MachineProbes.keys(of: replica)) }
      calls.append {
        .configuration(MachineProbes.configuration(of: replica, executables: executables, seconds: seconds))
      }
    }
    var facts = InstallationFacts()
    facts.unresolved = installation.unresolved
    // Until it is looked at.
    if installation.postgres != nil { facts.database = .failed("no answer within \(seconds) s") }
    if installation.redis != nil { facts.redis = .failed("no answer within \(seconds) s") }
    if installation.api != nil { facts.api = .failed("no answer within \(seconds) s") }
    // The looks have deadlines of their own; this one is for what blocks nevertheless, such as a resolver.
    for part in BoundedCall.all(calls, seconds: 4 * seconds) {
      switch part {
      case .replica(let replica): facts.replicas.append(replica)
      case .database(let found): facts.database = found
      case .redis(let found): facts.redis = found
      case .api(let found): facts.api = found
      case .keys(let found): facts.keys += found
      case .configuration(let found): facts.configurations += [found].compactMap(\.self)
      case nil: break
      }
    }
    // A replica that did not answer in time is one that does not answer.
    for replica in installation.replicas where !facts.replicas.contains(where: { $0.replica.name == replica.name }) {
      facts.replicas.append(ReplicaFacts(replica: replica))
    }
    if let data = installation.data { facts.addDisk(data, "the data folder") }
    if let folder = facts.database.facts?.folder, installation.data != nil { facts.addDisk(folder, "Postgres") }
    return facts
  }

  private mutating func addDisk(_ path: String, _ purpose: String) {
    if let disk = MachineProbes.disk(path, purpose: purpose) { disks.append(disk) }
  }
}
