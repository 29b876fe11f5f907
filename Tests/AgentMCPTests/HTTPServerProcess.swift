import Foundation
import Glibc
import Process
import SystemSources
import Testing

/// A server over HTTP in a process of its own, with the port that it has chosen or was given.
struct HTTPServerProcess {
  let child: ChildProcess
  let port: Int
  private let folder: String

  /// Starts a script that writes its port to a file.
  static func start(script: String, _ mode: String) async throws -> HTTPServerProcess {
    let folder = NSTemporaryDirectory() + "mcp-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let file = folder + "/port"
    let child = try ChildProcess.start(
      ProcessSpecification(
        TestServers.python, ["-I", "-S", "-B", TestServers.folder + "/" + script, mode, file]))
    var port = 0
    _ = await eventually {
      port = (try? String(contentsOfFile: file, encoding: .utf8)).flatMap { Int($0) } ?? 0
      return port > 0 || child.exitStatus != nil
    }
    return HTTPServerProcess(child: child, port: port, folder: folder)
  }

  /// Starts a server of the official package, which takes a port.
  static func start(python: String, script: String, port: Int, _ options: [String] = []) async throws
    -> HTTPServerProcess
  {
    let child = try ChildProcess.start(
      ProcessSpecification(python, ["-B", TestServers.folder + "/" + script, "http", String(port)] + options))
    _ = await eventually { isListening(port) || child.exitStatus != nil }
    return HTTPServerProcess(child: child, port: port, folder: "")
  }

  private static func isListening(_ port: Int) -> Bool {
    let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(fd) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    return withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(fd, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
  }

  func stop() {
    child.killGroup(SIGKILL)
    _ = child.wait(seconds: 10)
    if !folder.isEmpty { try? FileManager.default.removeItem(atPath: folder) }
  }
}
