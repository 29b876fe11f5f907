import Contracts
import Decider

/// One run in a world that is as hostile as the real one: everything that the shell does is done here, driven by the
/// effects of decisions only, and anything may happen late, twice or never.
struct SimulatedWorld {
  struct Lease: Hashable {
    let step: String
    let attempt: Int
  }

  let workflow: Workflow
  var random: Seeded
  var state: RunState
  /// What the database holds.
  var history: [RunEvent] = []
  /// The queue: the attempt and the version of the run by which it was queued.
  var ready: [String: (attempt: Int, version: Int)] = [:]
  var leases: Set<Lease> = []
  /// Leases that have been lost or ended; their holders may still speak.
  var ghosts: [Lease] = []
  var timers: [(step: String, attempt: Int)] = []
  var signals = 0
  var asks = 0
  var usage = Usage.zero

  init(seed: UInt64) throws {
    random = Seeded(seed)
    workflow = .random(&random)
    state = RunState(workflow: workflow)
    let items = Int.random(in: 0...7, using: &random)
    try apply(.create(input: payload, seed: seed, facts: [Fact("input.items", .count(items))]))
  }

  // MARK: The store

  mutating func apply(_ input: RunInput) throws {
    let before = state
    let events: [RunEvent]
    do throws(RunRefusal) { events = try decide(&state, input) } catch {
      guard state == before else { throw Broken("\(input) was refused (\(error)) and changed the state") }
      throw error
    }
    history += events
    guard !events.isEmpty else { throw Broken("\(input) was accepted and gave no event") }
    try carryOut(Effects(of: events, in: state))
    try check(before, input, events)
  }

  private mutating func carryOut(_ effects: Effects) throws {
    if effects.clearing >= .ready { ready = ready.filter { $0.value.version > state.clearedAt } }
    if effects.clearing == .everything {
      ghosts += leases
      leases = []
      timers = []
    }
    for dispatch in effects.work {
      let step = state.steps[dispatch.place]
      guard step.status == .ready else { throw Broken("\(step.key) is queued and \(step.status)") }
      guard !state.isPaused else { throw Broken("\(step.key) is queued while the run is paused") }
      ready[step.key] = (step.attempt, state.sequence)
    }
    for dispatch in effects.own {
      let step = state.steps[dispatch.place]
      guard step.status == .waiting else { throw Broken("\(step.key) is waited for and \(step.status)") }
      timers.append((step.key, step.attempt))
    }
  }

  private mutating func check(_ before: RunState, _ input: RunInput, _ events: [RunEvent]) throws {
    if state.isPaused, !ready.isEmpty { throw Broken("the queue still holds steps of a paused run") }
    guard state == fold(workflow, history) else { throw Broken("the state is not the fold of the history") }
    guard state.sequence == history.count else { throw Broken("the history has gaps") }
    let ends = history.indices.filter { index in
      switch history[index] {
      case .runSucceeded, .runFailed, .runCancelled: true
      default: false
      }
    }
    guard ends.count == (state.status.isEnded ? 1 : 0), ends.first.map({ $0 == history.count - 1 }) ?? true else {
      throw Broken("the run has \(ends.count) ends after \(input): \(events)")
    }
    guard state.steps.count <= Workflow.stepsMax else { throw Broken("too many steps") }
    for event in events {
      if case .callRecorded(_, _, let call) = event { usage = usage + call.usage }
      if case .runForked = event { usage = .zero }
    }
    guard usage == state.usage else { throw Broken("the usage is not that of the calls") }
    for step in before.steps where step.status.isEnded {
      guard state.step(step.key)?.status == step.status else { throw Broken("\(step.key) changed after its end") }
    }
    for step in state.steps where state.isSuspended(step) {
      guard state.questions(of: step).contains(where: { $0.status == .open }) else {
        throw Broken("\(step.key) waits for nobody")
      }
      guard !leases.contains(Lease(step: step.key, attempt: step.attempt)) || input.isSuspension else {
        throw Broken("\(step.key) waits for people and is leased")
      }
    }
    for event in events {
      // Neither waiting nor a worker that goes uses up an attempt.
      guard case .stepReady(let key, let attempt, _) = event, let last = before.step(key)?.attempt else { continue }
      guard attempt == last + 1 else { throw Broken("\(key) skips an attempt") }
    }
    for step in state.steps {
      guard let fanOut = state.definition(of: step).fanOut, step.status == .expanded else { continue }
      let open = step.children.count { state.steps[$0].status.isOpen }
      guard open <= fanOut.width else { throw Broken("\(step.key) has \(open) instances at work") }
    }
    if state.status.isEnded, state.steps.contains(where: { !$0.status.isEnded }) {
      throw Broken("a step outlived its run")
    }
  }

  // MARK: What may happen

  /// Lets something happen. Refusals of what is stale are right; of anything else they are not.
  mutating func happen() throws {
    switch Int.random(in: 0..<100, using: &random) {
    case 0..<30: try lease()
    case 30..<60: try speak()
    case 60..<70: try fireTimer(isServed: false)
    case 70..<73: try ghost()
    case 73..<75: try answer(isServed: false)
    case 75..<80: try signal()
    case 80..<84: state = fold(workflow, history)  // The process died and reads everything again.
    case 84..<87: try timeOut()
    case 87..<89: try tolerate { try $0.apply(.pause(by: "u")) }
    case 89..<93: try tolerate { try $0.apply(.resume(by: "u")) }
    case 93: if random.chance(10) { try tolerate { try $0.apply(.cancel(by: "u", reason: "")) } }
    case 94: if random.chance(10) { try tolerate { try $0.apply(.expire()) } }
    case 95: if random.chance(20), !state.status.isEnded, state.status != .compensating { try fork() }
    default: try approve(rightly: random.chance(50))
    }
  }

  private mutating func tolerate(_ body: (inout SimulatedWorld) throws -> Void) throws {
    do { try body(&self) } catch is RunRefusal {}
  }

  /// A worker takes a step, as the claim of the store does it: only what was queued behind the last clearing.
  mutating func lease() throws {
    guard let key = ready.keys.sorted().randomElement(using: &random), let entry = ready.removeValue(forKey: key) else {
      return
    }
    guard entry.version > state.clearedAt, !state.status.isEnded else { return }
    guard state.step(key)?.status == .ready else {
      throw Broken("\(key) was queued and is \(String(describing: state.step(key)?.status))")
    }
    try apply(.lease(step: key, worker: "w"))
    leases.insert(Lease(step: key, attempt: entry.attempt))
  }

  /// The holder of a lease records, delivers, gives up, or is not heard of again.
  mutating func speak() throws {
    guard let lease = leases.sorted(by: { $0.step < $1.step }).randomElement(using: &random) else { return }
    guard let step = state.step(lease.step) else { throw Broken("a lease of no step") }
    switch Int.random(in: 0..<13, using: &random) {
    case 10..<12:
      // Sometimes what was asked before, which is a failure, or something else under the same key.
      asks += 1
      let asked = (0...Int.random(in: 0...2, using: &random)).map { ask("\(random.chance(5) ? 1 : asks).\($0)") }
      try apply(.suspend(step: lease.step, attempt: lease.attempt, asked))
    case 12: try apply(.release(step: lease.step, attempt: lease.attempt))
    case 0..<3:
      return try apply(.record(step: lease.step, attempt: lease.attempt, [call(step.recordedCalls)]))
    case 3: try apply(.lose(step: lease.step, attempt: lease.attempt))
    case 4:
      let failure = Failure(
        code: "code\(Int.random(in: 0...2, using: &random))", message: "m", isRetryable: random.chance(70))
      try apply(.fail(step: lease.step, attempt: lease.attempt, failure))
    default: try deliver(lease, step)
    }
    leases.remove(lease)
    ghosts.append(lease)
  }

  mutating func deliver(_ lease: Lease, _ step: RunState.Step) throws {
    let output = PayloadRef(sha256: "output of \(lease.step)", bytes: 1)
    let score = Fact("steps.\(lease.step).output.score", .int(Int64.random(in: 0...9, using: &random)))
    guard state.definition(of: step).expansionStepsMax != nil else {
      return try apply(.succeed(step: lease.step, attempt: lease.attempt, output: output, facts: [score]))
    }
    let count = Int.random(in: 1...5, using: &random)
    let plan = (0..<count).map { number in
      WorkflowStep(key: "p\(number)", jobType: "agent", dependsOn: number > 0 && number % 2 == 0 ? ["p0"] : [])
    }
    try apply(.plan(step: lease.step, attempt: lease.attempt, output: output, facts: [score], steps: plan))
  }

  /// A holder whose lease has passed says something: it must be refused.
  private mutating func ghost() throws {
    guard let ghost = ghosts.randomElement(using: &random), !leases.contains(ghost) else { return }
    let inputs: [RunInput] = [
      .succeed(step: ghost.step, attempt: ghost.attempt, output: payload, facts: []),
      .fail(step: ghost.step, attempt: ghost.attempt, Failure(code: "x", message: "", isRetryable: true)),
      .record(step: ghost.step, attempt: ghost.attempt, [call(0)]), .lose(step: ghost.step, attempt: ghost.attempt),
      .suspend(step: ghost.step, attempt: ghost.attempt, [ask("ghost")]),
      .release(step: ghost.step, attempt: ghost.attempt),
    ]
    let input = random.pick(inputs)
    do { try apply(input) } catch is RunRefusal { return }
    throw Broken("the ghost \(ghost) was heard: \(input)")
  }

  /// A timer fires, perhaps twice; its work may be stale.
  mutating func fireTimer(isServed: Bool) throws {
    guard !timers.isEmpty else { return }
    let place = Int.random(in: 0..<timers.count, using: &random)
    let (key, attempt) = timers[place]
    if isServed || random.chance(80) { timers.remove(at: place) }
    guard let step = state.step(key) else { throw Broken("a timer of no step") }
    let output = PayloadRef(sha256: "output of \(key)", bytes: 1)
    try tolerate { world in
      switch world.state.definition(of: step).kind {
      case .delay: try world.apply(.elapse(step: key, attempt: attempt))
      case .transform: try world.apply(.succeed(step: key, attempt: attempt, output: output, facts: []))
      case .approval: try world.apply(.requestApproval(step: key, attempt: attempt, subject: output))
      case .run:
        try world.tolerate { try $0.apply(.startChild(step: key, attempt: attempt, run: "run of \(key)")) }
        let failure = Failure(code: "child", message: "", isRetryable: false)
        if world.random.chance(70) {
          try world.apply(.succeed(step: key, attempt: attempt, output: output, facts: []))
        } else {
          try world.apply(.fail(step: key, attempt: attempt, failure))
        }
      case .signal, .work: break
      }
    }
  }

  mutating func signal() throws {
    signals += random.chance(80) ? 1 : 0
    let id = "\(signals)"
    try tolerate { try $0.apply(.signal(name: "go", id: id, payload: payload, by: "u", facts: [])) }
  }

  mutating func approve(rightly: Bool) throws {
    let asked = state.steps.filter { $0.status == .waiting && $0.subject != nil }
    guard let step = asked.randomElement(using: &random) else { return }
    let decision = ApprovalDecision(isApproved: random.chance(70), by: "u", comment: "", output: payload, facts: [])
    let subject = rightly ? step.subject?.sha256 ?? "" : "something else"
    do { try apply(.decideApproval(step: step.key, subjectSHA256: subject, decision)) } catch RunRefusal.subjectDiffers
    {
      guard !rightly else { throw Broken("the right approval was refused") }
      return
    }
    guard rightly else { throw Broken("another subject was approved") }
  }

  /// A person answers a question, or its time is over; perhaps of a step that does not wait any more, or twice.
  mutating func answer(isServed: Bool) throws {
    let all = state.steps.flatMap { step in state.questions(of: step).map { (step, $0) } }
    let open = all.filter { state.isSuspended($0.0) && $0.1.status == .open }
    guard let (step, question) = (isServed ? open : all).randomElement(using: &random) else { return }
    let isOpen = state.isSuspended(step) && question.status == .open
    let input: RunInput =
      random.chance(20)
      ? .expireAsk(step: step.key, attempt: question.attempt, ask: question.ask.key, at: 7)
      : .answer(
        step: step.key, attempt: question.attempt, ask: question.ask.key,
        subjectSHA256: random.chance(50) ? nil : question.ask.subject.sha256,
        answered(random.pick([.approved, .rejected, .answered])))
    do { try apply(input) } catch let refusal as RunRefusal {
      guard !isOpen else { throw Broken("an answer was refused: \(refusal)") }
      return
    }
    guard isOpen else { throw Broken("an answer that nobody waits for was taken") }
  }

  private mutating func timeOut() throws {
    guard let step = state.steps.filter({ $0.status.isOpen }).randomElement(using: &random) else { return }
    let lease = Lease(step: step.key, attempt: step.attempt)
    try tolerate {
      try $0.apply(.timeOut(step: step.key, attempt: step.attempt, $0.random.pick([.scheduleToStart, .startToClose])))
    }
    if state.step(step.key)?.attempt != step.attempt || state.step(step.key)?.status.isOpen == false {
      ready[step.key] = ready[step.key].flatMap { $0.attempt == step.attempt ? nil : $0 }
      if leases.remove(lease) != nil { ghosts.append(lease) }
    }
  }

  /// The history goes on as that of another run: nobody holds anything there.
  private mutating func fork() throws {
    leases = []
    ghosts = []
    ready = [:]
    timers = []
    let change = StepChange(step: "s0", agent: "other", model: nil, input: nil)
    try tolerate {
      try $0.apply(.fork(from: "run", at: $0.history.count, by: "u", changes: $0.random.chance(50) ? [change] : []))
    }
  }
}

extension RunInput {
  /// Whether it gives a lease back, which the world notes afterwards.
  fileprivate var isSuspension: Bool { if case .suspend = self { true } else { false } }
}
