internal import Contracts
internal import Crypto
internal import Glibc
internal import LocalStack
internal import Primitives
internal import Process
internal import SystemSources

/// Looks at this machine: file systems, files of keys, processes, configurations.
enum MachineProbes {
  static func disk(_ path: String, purpose: String) -> DiskFacts? {
    var info = statvfs()
    guard statvfs(path, &info) == 0, info.f_blocks > 0 else { return nil }
    let block = UInt64(info.f_frsize)
    return DiskFacts(
      purpose: purpose, path: path,
      freeBytes: UInt64(info.f_bavail).multipliedReportingOverflow(by: block).partialValue,
      totalBytes: UInt64(info.f_blocks).multipliedReportingOverflow(by: block).partialValue)
  }

  // MARK: Keys

  private static let keySettings = [
    "identity.gateway_keys", "identity.step_keys", "identity.worker_keys", "virtual_keys.signing_keys",
  ]

  /// The lists of keys that a process of this machine was started with.
  static func keys(of replica: Installation.Replica) -> [KeyFacts] {
    guard let environment = replica.processID.flatMap(environment) else { return [] }
    return keySettings.compactMap { setting in
      let variable = "CADRE_" + setting.uppercased().replacing(".", with: "_")
      if let path = environment[variable + "_FILE"] {
        return keys(file: path, owner: replica.name, service: replica.service, setting: setting)
      }
      return environment[variable].map {
        keys($0, KeyFacts(owner: replica.name, service: replica.service, setting: setting))
      }
    }
  }

  /// A list of keys in a file.
  static func keys(file: String, owner: String, service: String, setting: String) -> KeyFacts {
    var facts = KeyFacts(owner: owner, service: service, setting: setting)
    var info = stat()
    guard stat(file, &info) == 0, let text = FileAccess.read(file) else {
      facts.fault = "\(file) cannot be read"
      return facts
    }
    facts.ageDays = max(0, WallClock.now().unixMicroseconds / 1_000_000 - Int64(info.st_mtim.tv_sec)) / 86_400
    // What a container engine mounts is seen in its container only.
    if info.st_mode & 0o004 != 0, !file.hasPrefix("/run/secrets/"), isReachable(file) { facts.openFile = file }
    return keys(String(text.prefix { !$0.isNewline }), facts)
  }

  private static func keys(_ text: String, _ begun: KeyFacts) -> KeyFacts {
    var facts = begun
    do {
      let list = try KeyList(text, named: facts.setting)
      facts.ids = list.keys.map { String(decoding: $0.id, as: UTF8.self) }
      facts.digests = list.keys.map { Digest.sha256($0.id + [0x3A] + $0.secret) }
    } catch { facts.fault = error.description }
    return facts
  }

  /// Whether everybody can pass the folders of a file.
  private static func isReachable(_ file: String) -> Bool {
    var built = ""
    for part in FileAccess.absolute(file).split(separator: "/").dropLast() {
      built += "/\(part)"
      var info = stat()
      guard stat(built, &info) == 0 else { return true }
      if info.st_mode & 0o001 == 0 { return false }
    }
    return true
  }

  // MARK: Processes

  /// The variables that a process was started with; `nil` when it is gone or somebody else's.
  static func environment(of process: Int32) -> [String: String]? {
    guard let text = FileAccess.read("/proc/\(process)/environ"), !text.isEmpty else { return nil }
    var found: [String: String] = [:]
    for entry in text.split(separator: "\0") {
      let parts = entry.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      if parts.count == 2 { found[String(parts[0])] = String(parts[1]) }
    }
    return found
  }

  /// Has a service check the configuration that a process of it runs with.
  static func configuration(of replica: Installation.Replica, executables: String, seconds: Int) -> ConfigurationFacts?
  {
    guard let environment = replica.processID.flatMap(environment) else { return nil }
    return check(replica.service, [], environment, owner: replica.name, executables: executables, seconds: seconds)
  }

  /// Has a service check a configuration file, with the variables of this process.
  static func configuration(
    _ service: String, file: String, executables: String, seconds: Int
  ) -> ConfigurationFacts? {
    check(
      service, ["--config", file], ProcessEnvironment.all, owner: "\(service) with \(file)", executables: executables,
      seconds: seconds)
  }

  private static func check(
    _ service: String, _ arguments: [String], _ environment: [String: String], owner: String, executables: String,
    seconds: Int
  ) -> ConfigurationFacts? {
    let executable = "\(executables)/\(service)"
    guard FileAccess.exists(executable) else { return nil }
    do {
      let done = try ChildProcess.run(
        ProcessSpecification(executable, arguments + ["--check-config"], environment: environment, folder: "/"),
        seconds: seconds)
      return ConfigurationFacts(owner: owner, isValid: done.status == 0, words: done.output)
    } catch { return ConfigurationFacts(owner: owner, isValid: false, words: error.description) }
  }
}
