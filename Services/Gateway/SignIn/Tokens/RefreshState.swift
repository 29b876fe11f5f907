/// When a document that an issuer publishes is fetched again: a pure state machine over monotonic nanoseconds. One
/// fetch is under way at a time.
struct RefreshState: Sendable {
  /// Ages and pauses, in nanoseconds.
  struct Rules: Sendable {
    /// Younger than this it is used as it is.
    var freshNanoseconds: UInt64 = 600_000_000_000
    /// Older than this it is used no longer, whether the issuer answers or not.
    var staleNanosecondsMax: UInt64 = 14_400_000_000_000
    /// Between two fetches because of a key that is not in it.
    var missPauseNanoseconds: UInt64 = 30_000_000_000
    /// After the first failure; it doubles.
    var retryNanoseconds: UInt64 = 1_000_000_000
    /// The longest pause after failures.
    var retryNanosecondsMax: UInt64 = 60_000_000_000
  }

  /// What whoever asks does.
  enum Action: Sendable, Equatable {
    /// Use what is there.
    case use
    /// Use what is there, and fetch meanwhile.
    case useAndFetch
    /// Fetch, and wait for it.
    case fetch
    /// Wait for the fetch that is under way.
    case wait
    /// There is nothing, and it is too early to try again.
    case fail
  }

  private let rules: Rules
  private var fetchedAt: UInt64?
  private var attemptedAt: UInt64?
  private var failures = 0
  private(set) var isFetching = false

  init(_ rules: Rules = Rules()) { self.rules = rules }

  /// Somebody asks; `misses` when what is there lacks what is looked for.
  mutating func ask(misses: Bool, at now: UInt64) -> Action {
    guard isUsable(at: now), let fetchedAt else {
      return begin(.fetch, orElse: .fail, when: canRetry(now), now)
    }
    if misses {
      let isLate = attemptedAt.map { now &- $0 >= rules.missPauseNanoseconds } ?? true
      return begin(.fetch, orElse: .use, when: isLate && canRetry(now), now)
    }
    guard now &- fetchedAt >= rules.freshNanoseconds, !isFetching, canRetry(now) else { return .use }
    isFetching = true
    attemptedAt = now
    return .useAndFetch
  }

  /// The fetch has ended.
  mutating func ended(isGood: Bool, at now: UInt64) {
    isFetching = false
    if isGood { fetchedAt = now }
    failures = isGood ? 0 : min(failures + 1, 32)
  }

  /// Whether what was fetched last may still be used.
  func isUsable(at now: UInt64) -> Bool { fetchedAt.map { now &- $0 < rules.staleNanosecondsMax } ?? false }

  private mutating func begin(_ action: Action, orElse other: Action, when isTime: Bool, _ now: UInt64) -> Action {
    if isFetching { return .wait }
    guard isTime else { return other }
    isFetching = true
    attemptedAt = now
    return action
  }

  private func canRetry(_ now: UInt64) -> Bool {
    guard failures > 0, let attemptedAt else { return true }
    let pause = min(rules.retryNanosecondsMax, rules.retryNanoseconds << UInt64(min(failures - 1, 20)))
    return now &- attemptedAt >= pause
  }
}
