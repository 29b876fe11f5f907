internal import Contracts
package import Crypto
internal import GatewayAccounts
package import HTTP
internal import Primitives
internal import Reactor
internal import SystemSources

/// Hashes and checks passwords on threads of its own, a bounded number at a time.
package struct PasswordChecker: PasswordHashing {
  /// What a check found.
  package enum Outcome: Sendable, Equatable {
    /// It is the password. The hash is to be made anew when it was made at another cost.
    case right(isOutdated: Bool)
    /// It is not, or there is none.
    case wrong
  }

  /// Checks that may wait.
  package static let queuedMax = 64
  /// Least bytes of a new password.
  package static let newPasswordBytesMin = 12

  private let pool: BlockingPool
  private let cost: PasswordHash.Cost
  private let metrics: SignInMetrics
  /// Checked where there is no hash, so that it takes as long.
  private let decoy: PasswordHash?

  /// Makes a checker whose new hashes have a cost.
  package init(threads: Int, cost: PasswordHash.Cost = .standard, queuedMax: Int = queuedMax, metrics: SignInMetrics) {
    pool = BlockingPool(threadsMax: threads, queuedMax: queuedMax)
    self.cost = cost
    self.metrics = metrics
    // As text: random bytes may hold a NUL, which no password has.
    let unguessable = Array(Hex.encode(SystemRandom.bytes(32)).utf8)
    decoy = PasswordHash.make(unguessable, salt: SystemRandom.bytes(PasswordHash.saltBytes), cost: cost)
  }

  /// Checks a password against a stored hash. Without one the same work is done and the password is wrong: the time
  /// does not say whether a user exists. Throws a 503 `Problem` when too many wait.
  package func check(_ password: String, against stored: String?) async throws(Problem) -> Outcome {
    let started = MonotonicClock.now()
    let (known, decoy, cost) = (stored.flatMap { PasswordHash($0) }, decoy, cost)
    let bytes = Array(password.utf8)
    let isRight: Bool
    do {
      guard let hash = known ?? decoy else { throw ReactorError(.overloaded, operation: "password") }
      let matches = try await pool.run { hash.matches(bytes) }
      guard let matches else { throw ReactorError(.overloaded, operation: "password") }
      isRight = matches && known != nil
    } catch {
      metrics.hashed("refused", nanoseconds: MonotonicClock.now() &- started)
      throw Problem(.signInBusy, retryAfterSeconds: 2)
    }
    metrics.hashed("checked", nanoseconds: MonotonicClock.now() &- started)
    return isRight ? .right(isOutdated: known?.cost != cost) : .wrong
  }

  /// As `PasswordHashing` says.
  package func hash(_ password: String) async throws(Problem) -> String {
    let bytes = Array(password.utf8)
    guard bytes.count >= PasswordChecker.newPasswordBytesMin, PasswordHash.accepts(bytes), Set(bytes).count > 3 else {
      throw Problem(.passwordRefused)
    }
    return try await rehash(password)
  }

  /// The hash of a password that was accepted before.
  func rehash(_ password: String) async throws(Problem) -> String {
    let started = MonotonicClock.now()
    let (bytes, cost) = (Array(password.utf8), cost)
    let made: String?
    do {
      made = try await pool.run {
        PasswordHash.make(bytes, salt: SystemRandom.bytes(PasswordHash.saltBytes), cost: cost)?.text
      }
    } catch { made = nil }
    metrics.hashed(made == nil ? "refused" : "made", nanoseconds: MonotonicClock.now() &- started)
    guard let made else { throw Problem(.signInBusy, retryAfterSeconds: 2) }
    return made
  }
}
