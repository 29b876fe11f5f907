internal import Glibc
internal import Primitives
internal import Process
internal import SystemSources

/// A Postgres cluster of its own in a folder, reachable by a Unix socket only.
public final class PrivatePostgres: Sendable {
  /// How a client reaches it (libpq keywords).
  public var connectionString: String { "host=\(sockets) port=5432 user=cadre dbname=cadre" }

  private let folder: String
  private let sockets: String
  private let tools: Tools
  private let process: ChildProcess

  private struct Tools: Sendable {
    let initdb: String
    let postgres: String
    let isReady: String
    let psql: String

    static func find() throws(StackError) -> Tools {
      let folders = (9...20).reversed().map { "/usr/lib/postgresql/\($0)/bin" }
      func tool(_ name: String) throws(StackError) -> String {
        guard let path = FileAccess.findProgram(name, folders: folders) else {
          throw StackError("\(name) is missing; install Postgres with: apt-get install postgresql")
        }
        return path
      }
      return Tools(
        initdb: try tool("initdb"), postgres: try tool("postgres"), isReady: try tool("pg_isready"),
        psql: try tool("psql"))
    }
  }

  /// Starts a cluster in `folder`, made on first use, with its socket in `sockets`, a folder of the server's own user.
  /// `isThrowaway` gives up safety against a crash of the machine, for tests. Without `waits` it may still be
  /// recovering when this returns.
  public init(
    folder: String, sockets: String, log: String, isThrowaway: Bool = false, waits: Bool = true
  ) throws(StackError) {
    tools = try Tools.find()
    self.folder = folder
    self.sockets = sockets
    let user = try SystemUser.forServers()
    let parent = folder.split(separator: "/").dropLast().reduce(into: "") { $0 += "/\($1)" }
    guard user == nil || FileAccess.isReachableByOthers(parent) else {
      throw StackError(
        "Postgres runs as user \(user?.name ?? "") and cannot reach \(folder); choose a folder that others can pass with --data"
      )
    }
    try FileAccess.makeFolder(parent)
    do {
      try OwnFolder.claim(folder, owner: user, mode: 0o700)
      try OwnFolder.claim(sockets, owner: user, mode: 0o711)
    } catch {
      switch error {
      case .foreign(let reason): throw StackError("\(reason); remove it, or choose another folder with --data")
      case .system(let reason): throw StackError(reason)
      }
    }
    try PrivatePostgres.initialize(folder, tools, user)
    try PrivatePostgres.checkVersion(folder, tools)
    process = try PrivatePostgres.launch(folder, sockets, log, isThrowaway, tools, user)
    guard waits else { return }
    try waitUntilReady(log)
    try createDatabase()
  }

  private static func initialize(_ folder: String, _ tools: Tools, _ user: SystemUser?) throws(StackError) {
    guard !FileAccess.exists(folder + "/PG_VERSION") else { return }
    let made = try StackProgram.run(
      ProcessSpecification(
        tools.initdb, ["-D", folder, "-U", "cadre", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
        environment: ["PATH": "/usr/bin:/bin", "LC_ALL": "C"], folder: "/", user: user))
    guard made.status == 0 else { throw StackError("initdb failed:\n\(made.output)") }
  }

  private static func checkVersion(_ folder: String, _ tools: Tools) throws(StackError) {
    let data = FileAccess.read(folder + "/PG_VERSION")?.split(separator: "\n").first ?? ""
    let program = try StackProgram.run(ProcessSpecification(tools.postgres, ["--version"], folder: "/")).output
    guard program.split(separator: " ").contains(where: { $0.split(separator: ".").first == data }) else {
      throw StackError(
        "the data in \(folder) is of Postgres \(data), the installed one is \(program.prefix { $0 != "\n" }); install that "
          + "version, or choose another folder with --data")
    }
  }

  private static func launch(
    _ folder: String, _ sockets: String, _ log: String, _ isThrowaway: Bool, _ tools: Tools, _ user: SystemUser?
  ) throws(StackError) -> ChildProcess {
    var settings = [
      "listen_addresses": "", "unix_socket_directories": sockets, "unix_socket_permissions": "0700", "port": "5432",
      "shared_buffers": "128MB", "max_connections": "200", "idle_in_transaction_session_timeout": "10s",
      "log_min_messages": "warning",
    ]
    if isThrowaway { settings["fsync"] = "off" }
    return try StackProgram.start(
      ProcessSpecification(
        tools.postgres, ["-D", folder] + settings.flatMap { ["-c", "\($0.key)=\($0.value)"] },
        environment: ["PATH": "/usr/bin:/bin", "LC_ALL": "C"], folder: "/", log: log, user: user))
  }

  private func waitUntilReady(_ log: String) throws(StackError) {
    let deadline = MonotonicClock.now() + 30_000_000_000
    while MonotonicClock.now() < deadline {
      if process.exitStatus != nil {
        throw StackError("Postgres ended while it was starting:\n\(FileAccess.tail(log, bytesMax: 2000))")
      }
      if FileAccess.exists(sockets + "/.s.PGSQL.5432"),
        try StackProgram.run(
          ProcessSpecification(
            tools.isReady, ["-q", "-h", sockets, "-U", "cadre", "-d", "postgres"], folder: "/")
        ).status == 0
      {
        return
      }
      ThreadPause.milliseconds(10)
    }
    stop()
    throw StackError("Postgres was not ready after 30 s; see \(log)")
  }

  private func createDatabase() throws(StackError) {
    let known = try query("select 1 from pg_database where datname = 'cadre'", database: "postgres")
    if known.isEmpty { _ = try query("create database cadre", database: "postgres") }
  }

  /// Runs a statement by `psql` and returns its output, unaligned: for tests and checks.
  public func query(_ sql: String, database: String = "cadre") throws(StackError) -> String {
    let done = try StackProgram.run(
      ProcessSpecification(
        tools.psql,
        ["-h", sockets, "-U", "cadre", "-d", database, "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-c", sql],
        environment: ["PATH": "/usr/bin:/bin"], folder: "/"))
    guard done.status == 0 else { throw StackError("psql: \(done.output)") }
    return String(done.output.trimming { $0 == "\n" })
  }

  /// The server's process.
  public var processID: Int32 { process.processID }

  /// Whether it runs.
  public var isRunning: Bool { process.exitStatus == nil }

  /// Stops the server; `isImmediate` as if it had crashed.
  public func stop(isImmediate: Bool = false) {
    process.stop(signal: isImmediate ? SIGQUIT : SIGINT, seconds: 20)
  }
}

extension String {
  fileprivate func trimming(_ isUnwanted: (Character) -> Bool) -> Substring {
    var text = self[...]
    while let last = text.last, isUnwanted(last) { text.removeLast() }
    return text
  }
}
