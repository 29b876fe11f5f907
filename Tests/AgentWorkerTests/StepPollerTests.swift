import Reactor
import Telemetry
import Testing

@testable import AgentWorker

/// The poller with a source, a clock and steps that do what a test says.
@Suite struct StepPollerTests {
  private struct NoAnswer: Error {}

  /// What a test has in its hands.
  private struct Parts {
    let poller: StepPoller
    let source: FakeStepSource
    let clock: StandingClock
    /// The steps that run; each ends when its event does.
    let running: AsyncStream<PendingEvent<Void>>
    let isOver: AsyncStream<Void>

    /// Ends every sleep that begins, until cancelled.
    func passTime() -> Task<Void, Never> {
      Task { for await sleep in clock.sleeps { sleep.finish() } }
    }
  }

  /// Starts a poller and runs a test; then stops the poller and waits for its end.
  private func withPoller(
    slots: Int, source: FakeStepSource = FakeStepSource(), _ body: (Parts) async throws -> Void
  ) async throws {
    let group = EventLoopGroup(count: 2)
    defer { group.stop() }
    let clock = StandingClock()
    let (running, begun) = AsyncStream.makeStream(of: PendingEvent<Void>.self)
    let (isOver, over) = AsyncStream.makeStream(of: Void.self)
    let poller = StepPoller(
      source: source, slots: slots, group: group, logger: Telemetry.disabled().logger, clock: clock
    ) { _ in
      let end = PendingEvent<Void>()
      begun.yield(end)
      try? await end.value()
    }
    let run = Task {
      await poller.run()
      over.yield()
    }
    let parts = Parts(poller: poller, source: source, clock: clock, running: running, isOver: isOver)
    let result: Result<Void, any Error>
    do { result = .success(try await body(parts)) } catch { result = .failure(error) }
    poller.stop()
    let ending = Task { await poller.finish() }
    ending.cancel()
    await run.value
    try result.get()
  }

  @Test func `the first request does not wait, the next ones do`() async throws {
    try await withPoller(slots: 1) { parts in
      var polls = parts.source.polls.makeAsyncIterator()
      let first = try #require(await polls.next())
      #expect(first.wait == .zero && first.slots == 1)
      #expect(!parts.poller.isConnected)
      first.answer([])
      let second = try #require(await polls.next())
      #expect(second.wait == .seconds(20) && second.slots == 1)
      #expect(parts.poller.isConnected)
    }
  }

  @Test func `slots are shared by at most four requests`() async throws {
    for (slots, shares) in [(1, [1]), (3, [1, 1, 1]), (4, [1, 1, 1, 1]), (10, [3, 3, 3, 1])] {
      try await withPoller(slots: slots) { parts in
        var polls = parts.source.polls.makeAsyncIterator()
        var found: [Int] = []
        for _ in shares { found.append(try #require(await polls.next()).slots) }
        #expect(found.sorted(by: >) == shares, "\(slots) slots")
      }
    }
  }

  @Test func `no more is asked for than there are free slots, whatever comes and ends`() async throws {
    let slots = 5
    try await withPoller(slots: slots) { parts in
      var polls = parts.source.polls.makeAsyncIterator()
      var steps = parts.running.makeAsyncIterator()
      var (asked, running) = ([FakeStepSource.Poll](), [PendingEvent<Void>]())
      var chance: UInt64 = 42
      // A free slot is asked for as long as one of the four requests is not under way.
      for round in 0..<400 {
        while asked.isEmpty || (asked.count < 4 && asked.map(\.slots).reduce(running.count, +) < slots) {
          asked.append(try #require(await polls.next()))
          #expect(asked.map(\.slots).reduce(running.count, +) <= slots, "round \(round)")
        }
        chance = chance &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        let poll = asked.remove(at: Int(chance >> 33) % asked.count)
        let count = Int(chance >> 40) % (poll.slots + 1)
        poll.answer(try (0..<count).map { _ in try LeasedStep.sample() })
        for _ in 0..<count { running.append(try #require(await steps.next())) }
        // All that runs ends at the latest when no request is left.
        while running.count > 3 || (asked.isEmpty && running.count == slots) {
          running.removeFirst().resume(with: .success(()))
        }
      }
      for step in running { step.resume(with: .success(())) }
    }
  }

  @Test func `steps beyond what was asked for are not run`() async throws {
    try await withPoller(slots: 1) { parts in
      var polls = parts.source.polls.makeAsyncIterator()
      var steps = parts.running.makeAsyncIterator()
      let first = try #require(await polls.next())
      first.answer(try (0..<3).map { _ in try LeasedStep.sample() })
      let step = try #require(await steps.next())
      // The slot is free again only now, and for one step.
      step.resume(with: .success(()))
      let second = try #require(await polls.next())
      #expect(second.slots == 1)
      second.answer([try LeasedStep.sample()])
      let next = try #require(await steps.next())
      next.resume(with: .success(()))
      #expect(await polls.next()?.slots == 1)
    }
  }

  @Test func `without an answer it pauses, is not connected, and asks again without waiting`() async throws {
    try await withPoller(slots: 1) { parts in
      var polls = parts.source.polls.makeAsyncIterator()
      var sleeps = parts.clock.sleeps.makeAsyncIterator()
      try #require(await polls.next()).answer([], unreadable: 2)
      try #require(await polls.next()).fail(NoAnswer())
      let pause = try #require(await sleeps.next())
      #expect(pause.delay == .milliseconds(500))
      #expect(!parts.poller.isConnected)
      pause.finish()
      let again = try #require(await polls.next())
      #expect(again.wait == .zero && again.slots == 1, "the slot was given back")
    }
  }

  @Test func `the end has what waits answered, and leaves alone what runs`() async throws {
    try await withPoller(slots: 2) { parts in
      var polls = parts.source.polls.makeAsyncIterator()
      var steps = parts.running.makeAsyncIterator()
      var isOver = parts.isOver.makeAsyncIterator()
      let first = try #require(await polls.next())
      _ = try #require(await polls.next())
      first.answer([try LeasedStep.sample()])
      let step = try #require(await steps.next())
      parts.poller.stop()
      let sleeping = parts.passTime()
      await parts.poller.finish()
      sleeping.cancel()
      #expect(await isOver.next() != nil)
      #expect(parts.poller.isBusy, "the step still runs")
      step.resume(with: .success(()))
      try await step.value()
    }
  }

  @Test func `an answer that is on its way when the end comes is not lost: its steps are run`() async throws {
    let source = FakeStepSource(answersWaiting: false)
    try await withPoller(slots: 1, source: source) { parts in
      var polls = parts.source.polls.makeAsyncIterator()
      var steps = parts.running.makeAsyncIterator()
      var endings = parts.source.endings.makeAsyncIterator()
      var sleeps = parts.clock.sleeps.makeAsyncIterator()
      let poll = try #require(await polls.next())
      parts.poller.stop()
      let ending = Task { await parts.poller.finish() }
      // It is asked for again: the request may not have been there yet.
      _ = await endings.next()
      try #require(await sleeps.next()).finish()
      _ = await endings.next()
      #expect(parts.poller.isBusy)
      poll.answer([try LeasedStep.sample()])
      let step = try #require(await steps.next())
      let sleeping = parts.passTime()
      await ending.value
      sleeping.cancel()
      step.resume(with: .success(()))
    }
  }

  @Test func `an orchestrator of before, or the end of the time: what waits is dropped`() async throws {
    for isKnown in [false, true] {
      let source = FakeStepSource(ends: isKnown ? [] : [.success(false)], answersWaiting: false)
      try await withPoller(slots: 1, source: source) { parts in
        var polls = parts.source.polls.makeAsyncIterator()
        var endings = parts.source.endings.makeAsyncIterator()
        var isOver = parts.isOver.makeAsyncIterator()
        let poll = try #require(await polls.next())
        parts.poller.stop()
        let ending = Task { await parts.poller.finish() }
        _ = await endings.next()
        if isKnown { ending.cancel() }
        await ending.value
        await #expect(throws: CancellationError.self) { try await poll.value() }
        #expect(await isOver.next() != nil)
      }
    }
  }

  @Test func `where the end cannot be asked for, it is asked for again`() async throws {
    let source = FakeStepSource(ends: [.failure(NoAnswer())])
    try await withPoller(slots: 1, source: source) { parts in
      var polls = parts.source.polls.makeAsyncIterator()
      var sleeps = parts.clock.sleeps.makeAsyncIterator()
      _ = try #require(await polls.next())
      parts.poller.stop()
      let ending = Task { await parts.poller.finish() }
      try #require(await sleeps.next()).finish()
      let sleeping = parts.passTime()
      await ending.value
      sleeping.cancel()
    }
  }

  @Test func `the end does not wait for a pause`() async throws {
    try await withPoller(slots: 1) { parts in
      var polls = parts.source.polls.makeAsyncIterator()
      var sleeps = parts.clock.sleeps.makeAsyncIterator()
      var isOver = parts.isOver.makeAsyncIterator()
      try #require(await polls.next()).fail(NoAnswer())
      _ = try #require(await sleeps.next())
      parts.poller.stop()
      #expect(await isOver.next() != nil)
    }
  }
}
