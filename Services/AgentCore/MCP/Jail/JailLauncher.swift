internal import Glibc
internal import MCP
internal import Process
internal import SandboxProtocol

/// Starts programs by `sandbox-jail`, which stays between this process and the program: when either ends, in whatever
/// way, everything that the program has started ends too.
struct JailLauncher: Sendable {
  /// Starts a program that is trusted: nothing but its end is seen to.
  static let unconfined = ["--profile", "unconfined"]

  /// Time for the jail to say what it has done; it takes milliseconds.
  private static let reportMilliseconds: Int32 = 20_000

  /// `sandbox-jail`.
  let program: String

  /// Starts a program with options of the jail, and returns once it runs. On a thread that may block.
  func start(
    _ specification: ProcessSpecification, options: [String]
  ) throws(JailRefused) -> (process: ServerProcess, layers: SandboxLayers) {
    guard access(program, X_OK) == 0 else { throw JailRefused("program", "\(program) is not there") }
    let control: ControlChannel
    do throws(ProcessError) { control = try ControlChannel.make() } catch {
      throw JailRefused("descriptors", error.description)
    }
    defer { close(control.own) }
    var launched = specification
    launched.executable = program
    launched.arguments = options + ["--", specification.executable] + specification.arguments
    launched.control = control.program
    let process: ServerProcess
    do throws(MCPError) { process = try ServerProcess.start(launched) } catch {
      close(control.program)
      throw JailRefused("start", error.message)
    }
    close(control.program)
    do throws(JailRefused) {
      return (process, try JailLauncher.report(control.own))
    } catch {
      process.abandon()
      throw error
    }
  }

  /// Waits for what the jail says, and for the end of its channel: the program runs then.
  private static func report(_ descriptor: Int32) throws(JailRefused) -> SandboxLayers {
    var reader = SandboxFrameReader(bytesMax: 1 << 12)
    var layers: SandboxLayers?
    while true {
      var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      let found = poll(&wanted, 1, reportMilliseconds)
      if found < 0, errno == EINTR { continue }
      guard found == 1 else { throw JailRefused("start", "the jail says nothing") }
      var piece = [UInt8](repeating: 0, count: 4096)
      let count = recv(descriptor, &piece, piece.count, 0)
      if count < 0, errno == EINTR || errno == EAGAIN { continue }
      guard count > 0 else {
        guard let layers else { throw JailRefused("start", "the jail has ended without a word") }
        return layers
      }
      reader.append(piece.prefix(count))
      do {
        while let frame = try reader.next() {
          if frame.kind == .refused {
            let refusal = try JailRefusal(frame)
            throw JailRefused(refusal.layer, String(cString: strerror(Int32(clamping: refusal.code))))
          }
          layers = try SandboxLayers(frame)
        }
      } catch let refused as JailRefused {
        throw refused
      } catch { throw JailRefused("start", "the jail has sent no report") }
    }
  }
}
