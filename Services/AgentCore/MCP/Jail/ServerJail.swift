internal import AgentSandbox
internal import Glibc
internal import MCP
internal import Primitives
internal import Process
internal import SandboxProtocol

/// The jail that programs of MCP servers run in: what each may use, and how it is put in. A program that cannot be put
/// in is not started.
package struct ServerJail: Sendable {
  /// What of its limits a program has exceeded.
  package enum Limit: String, Sendable, CaseIterable {
    /// Memory of all its processes.
    case memory
    /// Processes and threads.
    case processes
    /// Bytes or number of the files in its folder.
    case files
  }

  /// `sandbox-jail`.
  package var program: String
  /// Where the folders of programs are made; it belongs to this process alone.
  package var folder: String
  /// The first user id of the slots, one each; `nil` keeps that of this process, which must not be root then.
  package var firstUser: UInt32?
  /// Files and folders that programs read, beside those of the system.
  package var paths: [String] = []
  /// TCP ports that programs may connect to when their registration asks for the network; none: no network.
  package var ports: [Int] = []
  /// Private memory of one process, and of all processes of a program together; 0 for no limit.
  package var memoryBytes: UInt64 = 1 << 30
  /// Processes and threads of a program.
  package var tasksMax = 64
  /// Bytes of the files in its folder.
  package var filesBytesMax = 256 << 20
  /// Time between two looks at what a program uses.
  package var watchPause = Duration.seconds(1)

  /// Open descriptors of one process.
  private static let descriptorsMax = 1024
  /// The program lives long: its time on a processor has the largest limit that the jail takes.
  private static let processorSeconds = 1 << 20
  private static let dataBytesMax: UInt64 = 1 << 40
  /// Files and folders in the folder of a program.
  private static let entriesMax = 20_000

  /// A jail with the default limits.
  package init(program: String, folder: String, firstUser: UInt32? = nil) {
    self.program = program
    self.folder = folder
    self.firstUser = firstUser
  }

  /// A program in the jail.
  package struct Inmate: Sendable {
    /// The program.
    let process: ServerProcess
    /// Its folder, which is removed when it is gone.
    let folder: ScratchFolder
    /// What holds it.
    let layers: SandboxLayers
  }

  /// Starts a program. Of the environment it gets what `specification` says and the names that every program expects.
  /// On a thread that may block.
  func start(
    _ specification: ProcessSpecification, slot: Int, usesNetwork: Bool
  ) throws(JailRefused) -> Inmate {
    try check(usesNetwork: usesNetwork)
    let user = firstUser.map { $0 &+ UInt32(clamping: slot) }
    let folder = try makeFolder(slot, user)
    do throws(JailRefused) {
      var jailed = specification
      jailed.environment = ServerJail.surroundings(folder.path, usesNetwork: usesNetwork)
        .merging(specification.environment) { _, own in own }
      jailed.folder = "/"
      jailed.limits = []
      let (process, layers) = try JailLauncher(program: program)
        .start(jailed, options: options(folder.path, user, usesNetwork: usesNetwork))
      return Inmate(process: process, folder: folder, layers: layers)
    } catch {
      _ = FolderRemoval.remove(folder.path)
      throw error
    }
  }

  /// What is known before anything is started.
  private func check(usesNetwork: Bool) throws(JailRefused) {
    guard firstUser != nil || geteuid() != 0 else {
      throw JailRefused("user", "agent-core runs as root, and mcp.stdio_first_uid gives programs no user of their own")
    }
    guard !usesNetwork || !ports.isEmpty else {
      throw JailRefused("network", "the registration asks for the network, and mcp.stdio_network_ports allows no port")
    }
  }

  private func makeFolder(_ slot: Int, _ user: UInt32?) throws(JailRefused) -> ScratchFolder {
    guard mkdir(folder, 0o711) == 0 || errno == EEXIST else {
      throw JailRefused("folder", "\(folder) cannot be made: \(String(cString: strerror(errno)))")
    }
    var status = stat()
    guard lstat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR, status.st_uid == geteuid() else {
      throw JailRefused("folder", "\(folder) is somebody else's")
    }
    _ = chmod(folder, 0o711)
    let path = "\(folder)/\(slot)"
    // What a program has left that could not be removed when it ended.
    _ = FolderRemoval.remove(path)
    var limits = ScratchLimits()
    limits.bytesMax = filesBytesMax
    limits.entriesMax = ServerJail.entriesMax
    do throws(SandboxFault) { return try ScratchFolder.create(path, owner: user, limits: limits) } catch {
      throw JailRefused("folder", error.description)
    }
  }

  private func options(_ scratch: String, _ user: UInt32?, usesNetwork: Bool) -> [String] {
    let memory = memoryBytes == 0 ? ServerJail.dataBytesMax : min(memoryBytes, ServerJail.dataBytesMax)
    var result = ["--profile", "program", "--scratch", scratch, "--landlock", "require"]
    if let user { result += ["--uid", "\(user)", "--gid", "\(user)"] }
    result += ["--data-bytes", "\(memory)", "--file-bytes", "\(filesBytesMax)"]
    result += ["--cpu-seconds", "\(ServerJail.processorSeconds)", "--files", "\(ServerJail.descriptorsMax)"]
    result += ["--processes", "\(tasksMax)"]
    for path in paths { result += ["--read", path] }
    if usesNetwork { for port in ports { result += ["--port", "\(port)"] } }
    return result
  }

  private static func surroundings(_ folder: String, usesNetwork: Bool) -> [String: String] {
    var result = [
      "HOME": folder, "TMPDIR": folder, "PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8",
    ]
    // There are no datagrams: names are asked for over TCP.
    if usesNetwork { result["RES_OPTIONS"] = "use-vc" }
    return result
  }

  /// Looks in a row at which descriptors were on their way from one process to another. A socket that is on its way
  /// hides what it holds, so nothing may stay there.
  private static let queuedLooksMax = 5

  /// What a program uses too much of at the moment; `nil` when it keeps its limits. `queuedLooks` is kept from one look
  /// to the next. On a thread that may block.
  func excess(of process: Int32, _ folder: ScratchFolder, queuedLooks: inout Int) -> Limit? {
    let usage = ProcessTable.usage(ofGroup: process, within: watchPause / 2)
    if memoryBytes > 0, usage.privateBytes > memoryBytes { return .memory }
    // The kernel's own limit is exact where the program has its own user; here it may be a little late. The launcher is
    // in the group too.
    if usage.tasks - 1 > tasksMax { return .processes }
    if folder.isOverQuota() { return .files }
    let nameless = ProcessTable.namelessFiles(ofGroup: process, within: watchPause / 2)
    queuedLooks = nameless.queued > 0 ? queuedLooks + 1 : 0
    return nameless.exceed(filesBytesMax) || queuedLooks > ServerJail.queuedLooksMax ? .files : nil
  }
}

/// Why a program was not put into the jail.
package struct JailRefused: Error, Hashable, Sendable {
  /// The layer or step that failed, such as `landlock` or `network`.
  package let layer: String
  /// The reason.
  package let reason: String

  init(_ layer: String, _ reason: String) {
    self.layer = layer
    self.reason = reason
  }

  /// As an error of the connection.
  var error: MCPError { MCPError(.cannotStart, "the jail cannot hold the program (\(layer): \(reason))") }

  private static let layers: Set<String> = [
    "program", "user", "network", "folder", "descriptors", "start", "paths", "landlock", "seccomp", "exec", "rlimits",
    "scratch", "no_new_privs", "session", "parent", "dumpable", "supervisor",
  ]

  /// The label of the layer: the known ones, so that it is bounded.
  var label: String { JailRefused.layers.contains(layer) ? layer : "other" }
}
