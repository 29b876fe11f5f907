import Glibc
import SandboxProtocol
import Testing

/// The jail as it is in a container: started by a user that may not change users. The tests become one where they are
/// run by root.
@Suite(.serialized) struct UnprivilegedTests {
  private static let nobody: uid_t = 65_534
  private static let changer = "/usr/bin/setpriv"
  private static let isRoot = geteuid() == 0
  /// The folder of the programs must be open to others, too.
  private static let isPossible = !isRoot || (access(changer, X_OK) == 0 && Installation.users.count > 1)

  private static func jailed(
    _ profile: String, jail: [String] = [], _ program: [String]
  ) throws -> JailedProcess {
    let launcher =
      isRoot ? [changer, "--reuid=\(nobody)", "--regid=\(nobody)", "--clear-groups", "--"] : []
    return try JailedProcess(
      profile: profile, launcher: launcher, owner: isRoot ? nobody : nil, jail: jail
    ) { _ in program }
  }

  @Test(.enabled(if: isPossible, "no other user can be taken, or it cannot read the programs"))
  func `no attempt succeeds without any privilege`() throws {
    let jailed = try Self.jailed("wasm-run", [Installation.probe])
    let layers = try SandboxLayers(try #require(try jailed.next()))
    // What is missing is said, so that the log and the metric can show it.
    #expect(!layers.hasOwnUser && layers.namespaces.isEmpty)
    #expect(layers.landlock > 0 && layers.hasSystemCallFilter && layers.hasNoCapabilities)
    let lines = try jailed.wholeOutput().split(separator: "\n")
    #expect(lines.count > 140 && lines.last == "done holds")
    for line in lines { #expect(line.hasSuffix(" denied") || line.hasSuffix(" holds"), "\(line)") }
    #expect(jailed.wait() == 0)
  }

  @Test(.enabled(if: isPossible, "no other user can be taken, or it cannot read the programs"))
  func `a program of the same user reaches neither what has started it nor its files`() throws {
    let script = """
      test "$(id -u)" != 0 && echo holds
      kill -0 $PPID 2>/dev/null && echo POSSIBLE signal || echo denied
      kill -9 $PPID 2>/dev/null && echo POSSIBLE end || echo denied
      ( : < /proc/$PPID/environ ) 2>/dev/null && echo POSSIBLE environment || echo denied
      ( : < /proc/$PPID/mem ) 2>/dev/null && echo POSSIBLE memory || echo denied
      ( : < /etc/passwd ) 2>/dev/null && echo POSSIBLE file || echo denied
      ( : > /tmp/cadre-unprivileged ) 2>/dev/null && echo POSSIBLE folder || echo denied
      : > own && echo holds
      """
    let jailed = try Self.jailed("program", jail: ["--processes", "65536"], ["/bin/sh", "-c", script])
    let layers = try SandboxLayers(try #require(try jailed.next()))
    #expect(!layers.hasOwnUser && layers.landlock > 0 && layers.hasSystemCallFilter && layers.hasNoCapabilities)
    #expect(try jailed.next() == nil, "the program does not have the control descriptor")
    let lines = try jailed.wholeOutput().split(separator: "\n")
    #expect(lines.count == 8)
    for line in lines { #expect(line == "denied" || line == "holds", "\(line)") }
    #expect(jailed.wait() == 0)
  }

  @Test(.enabled(if: isPossible, "no other user can be taken, or it cannot read the programs"))
  func `a user that is asked for and cannot be had is no reason to keep the own one`() throws {
    let jailed = try Self.jailed("wasm-run", jail: ["--uid", "60001", "--gid", "60001"], [Installation.probe])
    #expect(try JailRefusal(try #require(try jailed.next())).layer == "user")
    #expect(jailed.wait() == 77)
  }
}
