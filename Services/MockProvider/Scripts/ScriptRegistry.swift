package import Settings
internal import Synchronization

/// The scripts and how often each was used. They can be replaced while the provider runs.
package final class ScriptRegistry: Sendable {
  /// The scripts of the configuration.
  package static let setting = Setting(
    "scripts", .list(of: MockScript.type), default: [], "Replies by matching text, the first match counts.")

  private struct State {
    var scripts: [MockScript]
    var uses: [Int]
  }

  private let standard: MockScript
  private let state: Mutex<State>

  /// `standard` gives the pace of answers that no script describes.
  package init(_ scripts: [MockScript], standard: MockScript) {
    self.standard = standard
    state = Mutex(State(scripts: scripts, uses: Array(repeating: 0, count: scripts.count)))
  }

  /// Replaces all scripts; nothing of them counts as used.
  package func replace(_ scripts: [MockScript]) {
    state.withLock { $0 = State(scripts: scripts, uses: Array(repeating: 0, count: scripts.count)) }
  }

  /// The first script that matches and is not used up.
  package func script(for request: MockRequest) -> MockScript {
    state.withLock { state in
      for (index, script) in state.scripts.enumerated() {
        guard script.model.isEmpty || script.model == request.model,
          script.match.isEmpty || request.lastText.containsBytes(of: script.match),
          script.matchToolResult.isEmpty || request.toolResult?.containsBytes(of: script.matchToolResult) ?? false,
          script.matchSystem.isEmpty || request.system.containsBytes(of: script.matchSystem),
          script.times == 0 || state.uses[index] < script.times
        else { continue }
        state.uses[index] += 1
        return script.turn(of: request)
      }
      return DefaultReply(request: request).script(from: standard)
    }
  }

  /// Reads scripts as they stand in a configuration: YAML or JSON with `scripts`. Throws what is wrong with them.
  package static func read(_ bytes: [UInt8]) throws(SettingsError) -> [MockScript] {
    try SettingsTable([setting]).load(document: bytes, path: "scripts")[setting]
  }
}
