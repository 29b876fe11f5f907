internal import Settings
internal import Synchronization

/// The scripts and how often each was used. They can be replaced while the mock runs.
final class ScriptBook: Sendable {
  private struct State {
    var scripts: [MockScript]
    var uses: [Int]
  }

  private let standard: MockScript
  private let state: Mutex<State>

  init(_ scripts: [MockScript], standard: MockScript) {
    self.standard = standard
    state = Mutex(State(scripts: scripts, uses: Array(repeating: 0, count: scripts.count)))
  }

  func replace(_ scripts: [MockScript]) {
    state.withLock { $0 = State(scripts: scripts, uses: Array(repeating: 0, count: scripts.count)) }
  }

  /// The first script that matches and is not used up.
  func script(for asked: MockRequest) -> MockScript {
    state.withLock { state in
      for (index, script) in state.scripts.enumerated() {
        guard script.model.isEmpty || script.model == asked.model,
          script.match.isEmpty || asked.lastText.holds(script.match),
          script.times == 0 || state.uses[index] < script.times
        else { continue }
        state.uses[index] += 1
        return script
      }
      return StandardReply(asked: asked).script(from: standard)
    }
  }

  /// Reads scripts as they stand in a configuration: YAML or JSON with `scripts`. Throws what is wrong with them.
  static func read(_ bytes: [UInt8]) throws(SettingsError) -> [MockScript] {
    let settings = try SettingsTable([MockProviderService.scripts]).load(document: bytes, path: "scripts")
    return settings[MockProviderService.scripts]
  }
}
