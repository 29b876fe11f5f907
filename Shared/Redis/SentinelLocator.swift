internal import Primitives
internal import Reactor
internal import SystemSources

/// What a sentinel says of a master.
struct SentinelReport: Sendable, Equatable {
  let address: SocketAddress
  /// Grows with each fail-over.
  let epoch: Int64

  init(address: SocketAddress, epoch: Int64) {
    self.address = address
    self.epoch = epoch
  }

  /// Reads the answers to `GET-MASTER-ADDR-BY-NAME` and `MASTER`. Throws `RedisError`.
  init(address: RedisValue, master: RedisValue) throws(RedisError) {
    if case .error(let error) = address { throw RedisError(error) }
    guard let parts = address.array, parts.count == 2, let host = parts[0].text, let port = parts[1].integer,
      (1...65_535).contains(port)
    else { throw RedisError(.unavailable, detail: "the sentinel does not know the master") }
    self.address = .host(host, port: Int(port))
    // A user that may not see more than the address can use it all the same.
    let fields = master.array ?? []
    let name = fields.indices.first { $0 % 2 == 0 && fields[$0].text == "config-epoch" }
    epoch = name.flatMap { $0 + 1 < fields.count ? fields[$0 + 1].integer : nil } ?? 0
  }
}

/// Asks the sentinels where the master is.
struct SentinelLocator: Sendable {
  private let configuration: RedisConfiguration
  private let sentinels: [SocketAddress]
  private let master: String

  /// A locator for a configuration with sentinels.
  init?(_ configuration: RedisConfiguration) {
    guard case .sentinels(let sentinels, let master) = configuration.deployment else { return nil }
    self.configuration = configuration
    self.sentinels = sentinels
    self.master = master
  }

  /// The address that the newest of the reports of a majority of the sentinels names, or of all that answer. One that
  /// was cut off with an old master is so overruled. On a loop. Throws `RedisError`.
  func locate() async throws(RedisError) -> SocketAddress {
    let limit = deadline(after: configuration.connectTimeout, from: MonotonicClock.now())
    let majority = sentinels.count / 2 + 1
    let result = await withTaskGroup(of: Result<SentinelReport, RedisError>.self) {
      group -> Result<SentinelReport, RedisError> in
      for sentinel in sentinels {
        group.addTask {
          do throws(RedisError) {
            return .success(try await report(of: sentinel, until: limit))
          } catch {
            return .failure(error)
          }
        }
      }
      var reports: [SentinelReport] = []
      var error = RedisError(.unavailable, detail: "no sentinel answers")
      for await result in group {
        switch result {
        case .success(let report): reports.append(report)
        case .failure(let failure): error = failure
        }
        if reports.count >= majority { break }
      }
      group.cancelAll()
      return SentinelLocator.newest(reports).map { .success($0) } ?? .failure(error)
    }
    return try result.get().address
  }

  /// The newest report; of equally new ones the most frequent.
  static func newest(_ reports: [SentinelReport]) -> SentinelReport? {
    let epoch = reports.map(\.epoch).max()
    let newest = reports.filter { $0.epoch == epoch }
    func votes(_ report: SentinelReport) -> Int { newest.count { $0 == report } }
    return newest.max { votes($0) < votes($1) }
  }

  private func report(of sentinel: SocketAddress, until limit: UInt64) async throws(RedisError) -> SentinelReport {
    let connection = try await RedisConnection.connect(configuration.sentinel(at: sentinel))
    let answers: Result<[RedisValue], RedisError>
    do {
      answers = .success(
        try await connection.ask(
          [
            RedisCommand(.other, ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", .string(master)]),
            RedisCommand(.other, ["SENTINEL", "MASTER", .string(master)]),
          ], until: limit))
    } catch {
      answers = .failure(error)
    }
    connection.close()
    let values = try answers.get()
    guard values.count == 2 else { throw RedisError(.protocolViolation) }
    return try SentinelReport(address: values[0], master: values[1])
  }
}
