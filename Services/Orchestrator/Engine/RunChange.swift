package import Contracts
package import Decider
package import RunStorage

/// Something that happens to a run.
package struct RunChange: Sendable {
  package let run: RunID
  /// All of them or none; only the first may be refused.
  package let inputs: [RunInput]
  package var payloads: [Payload] = []
  package var proof: Transition.LeaseProof?
  /// The timer whose work this is.
  package var timer: Int64?

  /// Makes a change.
  package init(
    run: RunID, inputs: [RunInput], payloads: [Payload] = [], proof: Transition.LeaseProof? = nil, timer: Int64? = nil
  ) {
    self.run = run
    self.inputs = inputs
    self.payloads = payloads
    self.proof = proof
    self.timer = timer
  }

  /// About what it has in bytes.
  var bytes: Int { payloads.reduce(500) { $0 + $1.body.count } + inputs.reduce(0) { $0 + $1.bytes } }
}

extension RunInput {
  /// What may be large in it: plans and their prompts.
  fileprivate var bytes: Int {
    guard case .plan(_, _, _, _, let steps) = self else { return 0 }
    return steps.reduce(0) { $0 + ($1.input?.utf8.count ?? 0) + 200 }
  }

  /// Whether it only ends the run.
  var isEnd: Bool {
    switch self {
    case .cancel, .expire: true
    default: false
    }
  }
}

/// What became of a change.
enum ChangeOutcome: Sendable {
  case made(ChangeResult)
  case refused(ChangeRefusal)
  /// Others moved the run meanwhile, or what was known of it is old: to be tried again.
  case again
}

/// Where a run stands behind a change.
package struct ChangeResult: Sendable {
  package let status: RunState.Status
  package let effectiveStatus: String
  package let sequence: Int
}
