import Contracts
import Decider

extension ReplicaWorld {
  // MARK: Timers

  /// Claims some timers that are due, as the service does: they come back after a while.
  mutating func claim(_ replica: Int) {
    for (id, timer) in timers.sorted(by: { $0.key < $1.key }) where timer.due <= now && (isServed || random.chance(70))
    {
      timers[id]?.due = now + ReplicaWorld.claimTime
      claims.append(Claim(replica: replica, id: id, timer: timer, version: rows[timer.run]?.history.count ?? 0))
    }
  }

  /// Serves a claimed timer.
  mutating func serveClaim() throws {
    guard !claims.isEmpty else { return }
    let claim = claims.remove(at: Int.random(in: 0..<claims.count, using: &random))
    guard var outcome = try serve(claim) else { return }
    if outcome == .notOwed, !trustsCaches { outcome = judgedAgain(claim) }
    if trustsCaches {
      if outcome != .done { timers[claim.id] = nil }
      return
    }
    switch TimerFate(after: outcome, tries: tries[claim.id] ?? 0, spread: random.next()) {
    case .settled: break
    case .forget: timers[claim.id] = nil
    case .again(let pause):
      tries[claim.id, default: 0] += 1
      timers[claim.id]?.due = now + pause
    }
  }

  /// A refusal alone is no reason to forget a timer.
  private func judgedAgain(_ claim: Claim) -> TimerOutcome {
    guard let state = stored(claim.timer.run) else { return .runGone }
    return TimerDecision(claim.claimed, in: state) == .owed ? .contended : .notOwed
  }

  /// What becomes of the work of a timer; `nil` when the replica dies over it.
  private mutating func serve(_ claim: Claim) throws -> TimerOutcome? {
    guard rows[claim.timer.run] != nil else { return .runGone }
    let (replica, timer) = (claim.replica, claim.timer)
    let version = trustsCaches ? 0 : claim.version
    guard let state = look(replica, timer.run, atLeast: version) else { return .runGone }
    switch TimerDecision(trustsCaches ? claim.unversioned : claim.claimed, in: state) {
    case .owed: break
    case .outdated: throw Broken("a state that was looked up is older than its timer")
    case .notOwed: return .notOwed
    }
    let key = timer.step ?? ""
    let attempt = timer.attempt ?? 0
    switch timer.kind {
    case .expire:
      return outcome(try change(replica, timer.run, [.expire(ofUndoing: timer.attempt != nil)], timer: claim.id))
    case .cancel:
      return outcome(
        try change(replica, timer.run, [.cancel(by: "orchestrator", reason: "", forces: false)], timer: claim.id))
    case .delay: return outcome(try change(replica, timer.run, [.elapse(step: key, attempt: attempt)], timer: claim.id))
    case .close:
      return outcome(
        try change(replica, timer.run, [.timeOut(step: key, attempt: attempt, .startToClose)], timer: claim.id))
    case .ask:
      let input = RunInput.expireAsk(step: key, attempt: attempt, ask: timer.ask ?? "", at: now)
      return outcome(try change(replica, timer.run, [input], timer: claim.id))
    case .childEnded: return try childEnded(claim, state, key, attempt)
    case .own: return try own(claim, state, key, attempt)
    }
  }

  private func outcome(_ outcome: Outcome) -> TimerOutcome {
    switch outcome {
    case .made: .done
    case .refused: .notOwed
    case .contended: .contended
    case .unknownRun: .runGone
    }
  }

  private mutating func own(_ claim: Claim, _ state: RunState, _ key: String, _ attempt: Int) throws -> TimerOutcome? {
    guard let step = state.step(key) else { return .notOwed }
    let run = claim.timer.run
    switch state.definition(of: step).kind {
    case .transform:
      let input = RunInput.succeed(step: key, attempt: attempt, output: output(key), facts: [])
      return outcome(try change(claim.replica, run, [input], timer: claim.id))
    case .approval:
      let input = RunInput.requestApproval(step: key, attempt: attempt, subject: output(key))
      return outcome(try change(claim.replica, run, [input], timer: claim.id))
    case .run: return try startChild(claim, key, attempt)
    case .work, .delay, .signal: return .notOwed
    }
  }

  private mutating func startChild(_ claim: Claim, _ key: String, _ attempt: Int) throws -> TimerOutcome? {
    let run = claim.timer.run
    let child = child(run, key, attempt)
    let depth = (rows[run]?.parent?.depth ?? 0) + 1
    // One transaction looks for the timer and writes the sub-run.
    guard timers[claim.id] != nil else { return .contended }
    try insert(child, Parent(run: run, step: key, attempt: attempt, depth: depth), replica: claim.replica)
    // The replica may die here, or stand still while another one does the same.
    if !isServed, random.chance(10) { return nil }
    if !isServed, random.chance(15) {
      now += ReplicaWorld.claimTime
      self.claim(1 - claim.replica)
      try serveClaim()
      try happen()
    }
    let made = try change(
      claim.replica, run, [.startChild(step: key, attempt: attempt, run: child)], timer: claim.id)
    guard made == .refused || (trustsCaches && made == .contended) else { return outcome(made) }
    let judged = trustsCaches ? look(claim.replica, run, atLeast: 0) : stored(run)
    let isOrphan =
      trustsCaches
      ? judged?.step(key)?.child != child
      : judged.map { TimerDecision.isOrphan(child: child, step: key, attempt: attempt, in: $0) } ?? true
    if isOrphan { _ = try change(claim.replica, child, [.cancel(by: "orchestrator", reason: "", forces: false)]) }
    return .notOwed
  }

  private mutating func childEnded(
    _ claim: Claim, _ state: RunState, _ key: String, _ attempt: Int
  ) throws -> TimerOutcome? {
    guard let child = claim.timer.child, let end = stored(child) else { return .notOwed }
    var inputs: [RunInput] = []
    if state.step(key)?.child == nil { inputs.append(.startChild(step: key, attempt: attempt, run: child)) }
    if end.status == .succeeded {
      inputs.append(.succeed(step: key, attempt: attempt, output: output(key), facts: [], usage: end.usage))
    } else {
      let failure = Failure(code: "child", message: "", isRetryable: end.status == .failed)
      inputs.append(.fail(step: key, attempt: attempt, failure, usage: end.usage))
    }
    return outcome(try change(claim.replica, claim.timer.run, inputs, timer: claim.id))
  }

  func output(_ key: String) -> PayloadRef { PayloadRef(sha256: "output of \(key)", bytes: 1) }

  // MARK: What may happen

  mutating func happen() throws {
    let replica = Int.random(in: 0...1, using: &random)
    switch Int.random(in: 0..<100, using: &random) {
    case 0..<20: try lease(replica)
    case 20..<45: try speak(replica)
    case 45..<60: claim(replica)
    case 60..<85: try serveClaim()
    case 85..<88: now += Int64.random(in: 1...15_000, using: &random)
    case 88: die(replica)
    case 89..<91: caches[replica] = [:]
    case 91..<93: try signal(replica)
    case 93..<96: try approve(replica)
    case 96: _ = try change(replica, anyRun, [.pause(by: "u")])
    case 97: _ = try change(replica, anyRun, [.resume(by: "u")])
    case 98: if random.chance(20) { _ = try change(replica, anyRun, [.cancel(by: "u", reason: "")]) }
    default: try read(replica)
    }
  }

  private var anyRun: String {
    mutating get { rows.keys.sorted().randomElement(using: &random) ?? ReplicaWorld.root }
  }

  /// What it had claimed comes back; what it remembered is gone.
  private mutating func die(_ replica: Int) {
    caches[replica] = [:]
    claims.removeAll { $0.replica == replica }
  }

  /// What is shown of a run is not older than what is stored.
  private mutating func read(_ replica: Int) throws {
    let run = anyRun
    guard let newest = stored(run) else { return }
    guard look(replica, run, atLeast: newest.sequence) == newest else {
      throw Broken("an old state of \(run) was shown")
    }
  }

  mutating func lease(_ replica: Int) throws {
    guard let lease = ready.keys.sorted(by: { ($0.run, $0.step) < ($1.run, $1.step) }).randomElement(using: &random)
    else { return }
    ready[lease] = nil
    guard var state = stored(lease.run), !state.status.isEnded else { return }
    // The claim of steps is a statement of its own: it asks no cache and notifies none.
    let events = try decide(&state, .lease(step: lease.step, worker: "w"))
    try write(lease.run, events, state, finished: nil)
    leases.insert(lease)
  }

  mutating func speak(_ replica: Int) throws {
    guard let lease = leases.sorted(by: { ($0.run, $0.step) < ($1.run, $1.step) }).randomElement(using: &random),
      let step = stored(lease.run)?.step(lease.step)
    else { return }
    let input: RunInput
    switch Int.random(in: 0..<10, using: &random) {
    case 0..<2 where !isServed || step.recordedCalls < 5:
      input = .record(step: lease.step, attempt: lease.attempt, [call(step.recordedCalls)])
    case 8 where !isServed:
      asks += 1
      let limit: Int64? = random.chance(50) ? Int64.random(in: 1...20_000, using: &random) : nil
      input = .suspend(step: lease.step, attempt: lease.attempt, [ask("\(asks)", expires: limit), ask("\(asks)b")])
    case 9 where !isServed: input = .release(step: lease.step, attempt: lease.attempt)
    case 2: input = .lose(step: lease.step, attempt: lease.attempt, wasUndelivered: random.chance(30))
    case 3:
      let next = random.pick([NextAttempt.anew, .continues, nil])
      let failure = Failure(code: "code", message: "m", isRetryable: random.chance(70), next: next)
      input = .fail(step: lease.step, attempt: lease.attempt, failure)
    default:
      let facts = [Fact("steps.\(lease.step).output.score", .int(Int64.random(in: 0...9, using: &random)))]
      input =
        rows[lease.run]?.workflow.step(lease.step)?.expansionStepsMax == nil
        ? .succeed(step: lease.step, attempt: lease.attempt, output: output(lease.step), facts: facts)
        : .plan(
          step: lease.step, attempt: lease.attempt, output: output(lease.step), facts: facts,
          steps: [WorkflowStep(key: "p", jobType: "agent")])
    }
    // A worker says it again when the run was contended.
    if try change(replica, lease.run, [input]) == .refused { throw Broken("the holder of \(lease) was refused") }
  }

  mutating func signal(_ replica: Int) throws {
    signals += 1
    for run in rows.keys.sorted() {
      _ = try change(
        replica, run, [.signal(name: "go", id: "\(signals)", payload: payload, by: "u", facts: [])])
    }
  }

  mutating func approve(_ replica: Int) throws {
    for run in rows.keys.sorted() {
      guard let state = stored(run), !state.status.isEnded else { continue }
      for step in state.steps where state.isSuspended(step) {
        for question in state.questions(of: step) where question.status == .open {
          let input = RunInput.answer(
            step: step.key, attempt: question.attempt, ask: question.ask.key,
            subjectSHA256: question.ask.subject.sha256, answered())
          // Of two replicas that are asked at the same time one takes it.
          let first = try change(replica, run, [input])
          let second = try change(1 - replica, run, [input])
          if first == .made, second == .made { throw Broken("a question was answered twice") }
        }
      }
      for step in state.steps where step.status == .waiting {
        guard let subject = step.subject else { continue }
        let decision = ApprovalDecision(
          isApproved: random.chance(80), by: "u", comment: "", output: payload, facts: [])
        _ = try change(
          replica, run, [.decideApproval(step: step.key, subjectSHA256: subject.sha256, decision)])
      }
    }
  }
}
