import AgentSandbox
import AgentTools
import Contracts
import Glibc
import JSON
import LocalStack
import MCP
import Process
import Settings
import SystemSources
import Testing

@testable import AgentMCP

/// Programs that try to get out of the jail, to use more than they may, or to stay when they are ended.
@Suite(.serialized, .enabled(if: TestServers.hasJail)) struct JailTests {
  private func world(
    network: Bool = false, configure: @escaping (inout ServerJail) -> Void = { _ in }
  ) -> MCPWorld {
    MCPWorld(
      .stdio(
        command: TestServers.python, arguments: ["-I", "-S", "-B", TestServers.folder + "/escaping.py"],
        environmentNames: []), usesNetwork: network
    ) { configuration in
      configuration.jail = configuration.jail.map { jail in
        var jail = jail
        configure(&jail)
        return jail
      }
    }
  }

  private func attempt(_ world: MCPWorld, _ name: String, _ more: String = "") async throws -> String {
    try await world.call("work", #"{"attempt": "\#(name)"\#(more)}"#).text
  }

  private static func hasProcesses(_ user: UInt32) -> Bool {
    guard let folder = opendir("/proc") else { return false }
    defer { closedir(folder) }
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      var status = stat()
      if let process = Int32(name), !ProcessTable.isOver(process), lstat("/proc/\(name)", &status) == 0,
        status.st_uid == user
      {
        return true
      }
    }
    return false
  }

  private struct Surroundings {
    let user: Int64
    let folder: String
    let process: Int32
    let group: Int32
  }

  private func surroundings(_ world: MCPWorld) async throws -> Surroundings {
    let root = try JSONDocument(parsing: try await attempt(world, "surroundings")).root
    #expect(root["home"]?.string == root["folder"]?.string && root["temporary"]?.string == root["folder"]?.string)
    return Surroundings(
      user: try #require(root["user"]?.int), folder: try #require(root["folder"]?.string),
      process: Int32(clamping: try #require(root["pid"]?.int)),
      group: Int32(clamping: try #require(root["group"]?.int)))
  }

  @Test func `what a program tries is denied, and its neighbour is out of reach`() async throws {
    let neighbour = world()
    let world = world()
    let other = try await surroundings(neighbour)
    let own = try await surroundings(world)
    if geteuid() == 0 { #expect(own.user != 0 && own.user != other.user) }
    let secret = "/tmp/cadre-mcp-secret-\(getpid())"
    let file = open(secret, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    try #require(file >= 0)
    close(file)
    defer { unlink(secret) }
    let listener = try #require(await MCPListener())
    let attempts: [(String, String)] = [
      ("environment_of_supervisor", ""), ("memory_of_supervisor", ""), ("folders_of_processes", ""), ("users", ""),
      ("file", #", "path": "\#(secret)""#), ("file", #", "path": "/proc/\#(other.process)/environ""#),
      ("folder", #", "path": "/tmp""#), ("folder", #", "path": "\#(other.folder)""#), ("folder", #", "path": "/""#),
      ("write_outside", #", "path": "\#(secret)""#), ("write_outside", #", "path": "/tmp/cadre-escape""#),
      ("write_system", ""), ("link_out", #", "path": "\#(secret)""#),
      ("connect", #", "port": \#(listener.port)"#), ("datagram", ""), ("local_socket", ""), ("netlink", ""),
      ("datagram_pair", ""), ("listen", ""), ("trace_supervisor", ""), ("read_supervisor", ""),
      ("signal_supervisor", ""), ("own_session", ""), ("own_group", ""), ("namespace", ""), ("namespace_of_child", ""),
      ("join_namespace", ""), ("mount", ""), ("bpf", ""), ("keys", ""), ("new_key", ""), ("userfaultfd", ""),
      ("perf", ""), ("module", ""), ("kexec", ""), ("uring", ""), ("file_in_memory", ""), ("shared_memory", ""),
      ("system_v_memory", ""), ("become_root", ""), ("execute_own", ""), ("watch", ""), ("raise_limit", ""),
      ("device", ""),
      ("core", ""),
    ]
    for (name, more) in attempts {
      let answer = try await attempt(world, name, more)
      #expect(answer.hasPrefix("denied"), "\(name): \(answer)")
    }
    #expect(try await attempt(neighbour, "") == "fine")
    await world.end()
    await neighbour.end()
    for folder in [own.folder, other.folder] { #expect(access(folder, F_OK) != 0, "\(folder) is left") }
  }

  @Test func `a program that makes processes without end is ended, its neighbour goes on`() async throws {
    let neighbour = world()
    let neighbourUser = try await surroundings(neighbour).user
    let world = world {
      $0.tasksMax = 20
      $0.watchPause = .milliseconds(50)
    }
    let own = try await surroundings(world)
    // The kernel stops it at the limit of the user; what the watch sees at that limit is no excess, so the call ends
    // by its own deadline or by the watch, and in both cases nothing may be left afterwards.
    _ = try await world.call("work", #"{"attempt": "fork_bomb"}"#, nanoseconds: 3_000_000_000)
    // Where they have one user, the kernel counts them together until the watch has ended the one.
    if own.user == neighbourUser { _ = try await eventually { try await attempt(neighbour, "") == "fine" } }
    #expect(try await attempt(neighbour, "") == "fine")
    await world.end()
    // They are killed by then, and may still be on their way out.
    #expect(await eventually { ProcessTable.usage(ofGroup: own.group).tasks == 0 })
    if own.user != neighbourUser {
      #expect(await eventually { !JailTests.hasProcesses(UInt32(clamping: own.user)) })
    }
    #expect(try await attempt(neighbour, "") == "fine")
    await neighbour.end()
  }

  @Test func `one process keeps its limit of memory, and may go on`() async throws {
    let world = world { $0.memoryBytes = 128 << 20 }
    let answer = try await attempt(world, "fill_alone")
    #expect(answer.hasPrefix("stopped after "), "\(answer)")
    #expect(try await attempt(world, "") == "fine")
    await world.end()
  }

  @Test(arguments: ["fill_memory", "fill_files", "hold_files", "map_files", "send_files", "nest_files"])
  func `a program that uses too much as a whole is ended`(_ deed: String) async throws {
    let neighbour = world()
    _ = try await surroundings(neighbour)
    let world = world {
      $0.memoryBytes = 96 << 20
      $0.filesBytesMax = 8 << 20
      $0.watchPause = .milliseconds(20)
    }
    let own = try await surroundings(world)
    let result = try await world.call("work", #"{"attempt": "\#(deed)"}"#)
    #expect(result.isError)
    #expect(result.text.contains(deed == "fill_memory" ? "mcp.memory_mb" : "mcp.stdio_files_mb"), "\(result.text)")
    #expect(await eventually { world.registry.reports.last?.state == .failed })
    #expect(await eventually { access(own.folder, F_OK) != 0 })
    // They are killed by then, and may still be on their way out.
    #expect(await eventually { ProcessTable.usage(ofGroup: own.group).tasks == 0 })
    #expect(try await attempt(neighbour, "") == "fine")
    // It is started again when it is wanted again.
    #expect(try await attempt(world, "") == "fine")
    await world.end()
    await neighbour.end()
  }

  @Test func `nothing that a program has started stays`() async throws {
    let world = world()
    let own = try await surroundings(world)
    let children = try await attempt(world, "leave_children").split(separator: " ").compactMap { Int32($0) }
    #expect(children.count == 3)
    #expect(children.allSatisfy { kill($0, 0) == 0 })
    await world.end()
    for child in children { #expect(await eventually { kill(child, 0) != 0 || ProcessTable.isOver(child) }) }
    #expect(access(own.folder, F_OK) != 0)
  }

  @Test func `the network is there for the ports that are allowed, where it is asked for`() async throws {
    let listener = try #require(await MCPListener())
    let other = try #require(await MCPListener())
    let world = world(network: true) { $0.ports = [listener.port] }
    do { _ = try await world.definitions() } catch let error as MCPError {
      // A kernel whose Landlock knows no ports: refused, never unbounded.
      #expect(error.message.contains("network"))
      return await world.end()
    }
    #expect(try await world.definitions().first?.risk == .network)
    #expect(try await attempt(world, "connect", #", "port": \#(listener.port)"#).hasPrefix("possible"))
    #expect(try await attempt(world, "connect", #", "port": \#(other.port)"#).hasPrefix("denied"))
    // Ways to a port that Landlock does not see.
    #expect(try await attempt(world, "fast_open", #", "port": \#(other.port)"#).hasPrefix("denied"))
    for name in ["multipath", "sctp"] { #expect(try await attempt(world, name, "").hasPrefix("denied"), "\(name)") }
    #expect(try await attempt(world, "datagram").hasPrefix("denied"))
    await world.end()
  }

  @Test func `without the jail a program is not started, unless the operator says so`() async throws {
    func refusal(network: Bool = false, _ configure: @escaping (inout ServerJail) -> Void) async throws -> String {
      let world = world(network: network, configure: configure)
      var message = ""
      do {
        _ = try await world.definitions()
        Issue.record("it was started")
      } catch let error as MCPError {
        #expect(error.reason == .cannotStart)
        message = error.message
      }
      #expect(await eventually { world.registry.reports.last?.state == .failed })
      #expect(world.registry.reports.last?.message?.hasPrefix("cannot_start: the jail") == true)
      #expect(world.servers.processes == 0)
      let folder = try #require(world.servers.environment.configuration.jail?.folder)
      await world.end()
      #expect(access(folder, F_OK) != 0, "\(folder) is left")
      return message
    }
    #expect(try await refusal { $0.program = "/nonexistent/jail" }.contains("program"))
    #expect(try await refusal(network: true) { $0.ports = [] }.contains("mcp.stdio_network_ports"))
    #expect(try await refusal { $0.paths = ["/nonexistent"] }.contains("paths"))
    #expect(try await refusal { $0.program = "/bin/true" }.contains("without a word"))
    if geteuid() == 0 { #expect(try await refusal { $0.firstUser = nil }.contains("mcp.stdio_first_uid")) }
    let free = MCPWorld.hostile("fine") { $0.jail = nil }
    #expect(try await free.call("work").text == "fine")
    await free.end()
  }

  @Test func `settings of the jail`() throws {
    func configuration(_ values: [String: String]) throws -> MCPConfiguration {
      let settings = try SettingsTable(MCPSettings.all).load(SettingsSources(environment: values))
      return try MCPSettings.configuration(settings, programFolder: "/opt")
    }
    let standard = try #require(try configuration([:]).jail)
    #expect(standard.program == "/opt/sandbox-jail" && standard.ports.isEmpty && standard.memoryBytes == 1 << 30)
    #expect((standard.firstUser != nil) == (geteuid() == 0))
    #expect(try configuration(["CADRE_MCP_STDIO_JAIL": "off"]).jail == nil)
    let own = try #require(
      try configuration(["CADRE_MCP_STDIO_PATHS": "/opt/mcp,/srv/x", "CADRE_MCP_STDIO_NETWORK_PORTS": "443,53"]).jail)
    #expect(own.paths == ["/opt/mcp", "/srv/x"] && own.ports == [443, 53])
    for (name, value) in [
      ("STDIO_PATHS", "opt/mcp"), ("STDIO_PATHS", "/"), ("STDIO_PATHS", "/opt/../etc"), ("STDIO_NETWORK_PORTS", "0"),
      ("STDIO_NETWORK_PORTS", "https"), ("STDIO_FOLDER", "relative"), ("STDIO_JAIL", "maybe"),
    ] {
      #expect(throws: (any Error).self) { try configuration(["CADRE_MCP_\(name)": value]) }
    }
  }
}

/// A server of TCP that takes every connection.
final class MCPListener: Sendable {
  let port: Int
  private let descriptor: Int32

  init?() async {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let descriptor = descriptor
    let isOpen = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, size) == 0 && listen(descriptor, 8) == 0 && getsockname(descriptor, $0, &size) == 0
      }
    }
    port = Int(UInt16(bigEndian: address.sin_port))
    guard isOpen else {
      close(descriptor)
      return nil
    }
  }

  deinit { close(descriptor) }
}
