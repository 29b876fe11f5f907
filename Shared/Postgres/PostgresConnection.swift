internal import CLibPQ
internal import Primitives
internal import Reactor

/// A connection in libpq's pipeline mode on one event loop. Units of statements are sent as they come, without waiting
/// for earlier answers; each unit is one implicit transaction, because a synchronisation point follows it.
///
/// `@unchecked Sendable`: confined to its loop.
final class PostgresConnection: ReadinessHandler, @unchecked Sendable {
  /// How statements are sent.
  enum Mode {
    /// One after the other in the simple protocol.
    case session
    /// In pipeline mode, each prepared once under a name.
    case pipelined
    /// For a pooler that gives each transaction some session: no names, each unit begins with a statement for its
    /// settings, and is sent when the one before is answered. A pooler that reads half of a unit while the answer to
    /// the one before passes by may send the other half to another session.
    case unitByUnit(settings: String)
  }

  private enum Expected {
    /// The settings of a transaction.
    case settings(PostgresUnit)
    case prepared(PostgresUnit, text: StatementText)
    case result(PostgresUnit)
    case sync(PostgresUnit)
    /// All results of a script in the simple protocol.
    case script(PostgresUnit)
  }

  private static let statementsMax = 256
  /// The protocol counts parameters in 16 bits; libpq refuses more, and gives up the pipeline.
  private static let parametersMax = 65_535

  let loop: EventLoop
  private let handle: OpaquePointer
  private let mode: Mode
  private var fd: Int32 = -1
  private var expected: [Expected] = []
  private var expectedHead = 0
  private var statements: [StatementText: String] = [:]
  private var statementNumber = 0
  /// Statements that the cache has let go, still to be forgotten by the server.
  private var forgotten: [String] = []
  /// PostgresUnits that wait for the one before, where they are not pipelined.
  private var queued: ArraySlice<PostgresUnit> = []
  private var wantsWrite = false
  private(set) var isBroken = false
  private(set) var pendingUnits = 0
  /// Its place among the connections of the loop.
  var slot = 0
  /// Called once when the connection has ended.
  var onBroken: (() -> Void)?
  /// Called for each notification with its channel and payload.
  var onNotification: ((String, String) -> Void)?

  private init(handle: OpaquePointer, loop: EventLoop, mode: Mode) {
    self.handle = handle
    self.loop = loop
    self.mode = mode
  }

  private var isPipelined: Bool { if case .session = mode { false } else { true } }

  deinit { PQfinish(handle) }

  // MARK: Connecting

  /// Connects before `deadline`. Throws `PostgresError.unavailable`.
  static func connect(
    _ conninfo: String, on loop: EventLoop, _ mode: Mode, deadline: UInt64
  ) async throws -> PostgresConnection {
    guard let handle = PQconnectStart(conninfo) else { throw PostgresError(.unavailable, detail: "out of memory") }
    let connection = PostgresConnection(handle: handle, loop: loop, mode: mode)
    try await connection.establish(deadline)
    return connection
  }

  private func establish(_ deadline: UInt64) async throws {
    PQsetNoticeReceiver(handle, { _, _ in }, nil)
    guard PQstatus(handle) != CONNECTION_BAD else { throw unavailable() }
    var wanted = PGRES_POLLING_WRITING
    while wanted != PGRES_POLLING_OK {
      guard wanted != PGRES_POLLING_FAILED else { throw unavailable() }
      do {
        try await DescriptorWait.until(
          PQsocket(handle), wanted == PGRES_POLLING_READING ? .readable : .writable, on: loop, deadline: deadline)
      } catch let error as ReactorError {
        throw PostgresError(.unavailable, detail: error.description)
      }
      wanted = PQconnectPoll(handle)
    }
    fd = PQsocket(handle)
    PQsetnonblocking(handle, 1)
    if isPipelined { PQenterPipelineMode(handle) }
    try loop.watch(fd, for: .readable, handler: self)
  }

  private func unavailable() -> PostgresError {
    let message = String(cString: PQerrorMessage(handle))
    return PostgresError(.unavailable, detail: message, advice: ConnectAdvice.advice(for: message))
  }

  func close() { fail(PostgresError(.connectionLost, outcomeUnknown: true)) }

  // MARK: Sending

  /// Sends the statements as one transaction and waits for their results; `isContinued` as a part of the transaction
  /// that an earlier unit began.
  func send(
    _ statements: [PostgresStatement], deadline: UInt64, isContinued: Bool = false
  ) async throws -> [PostgresRows] {
    guard statements.allSatisfy({ $0.parameterCount <= PostgresConnection.parametersMax }) else {
      throw PostgresError(
        .sql("54023"), detail: "more than \(PostgresConnection.parametersMax) parameters; use an array")
    }
    let promise = Promise<[PostgresRows]>(on: loop)
    let unit = PostgresUnit(statements, promise, loop.now, isContinued: isContinued)
    transmit(unit)
    do {
      return try await promise.value(deadline: deadline)
    } catch is ReactorError {
      throw PostgresError(.timedOut, outcomeUnknown: true)
    }
  }

  /// Runs a script of several statements in the simple protocol, on a connection that is not pipelined.
  func script(_ sql: String, deadline: UInt64) async throws -> [PostgresRows] {
    // Scripts are run by the migrator only, on a connection that it made for them.
    precondition(!isPipelined, "scripts need a connection of their own")
    let promise = Promise<[PostgresRows]>(on: loop)
    let unit = PostgresUnit([], promise, loop.now)
    guard !isBroken, PQsendQuery(handle, sql) == 1 else { throw PostgresError(.connectionLost) }
    pendingUnits += 1
    expected.append(.script(unit))
    flush()
    do {
      return try await promise.value(deadline: deadline)
    } catch is ReactorError {
      throw PostgresError(.timedOut, outcomeUnknown: true)
    }
  }

  private func transmit(_ unit: PostgresUnit) {
    guard !isBroken else { return unit.promise.fail(PostgresError(.connectionLost)) }
    if case .unitByUnit = mode, expectedHead < expected.count {
      pendingUnits += 1
      return queued.append(unit)
    }
    pendingUnits += 1
    transmitNow(unit)
  }

  private func transmitNow(_ unit: PostgresUnit) {
    unit.sentAt = loop.now
    if case .unitByUnit(let settings) = mode, !unit.isContinued {
      guard PQsendQueryParams(handle, settings, 0, nil, nil, nil, nil, 1) == 1 else {
        return abandon(unit, PostgresError(.connectionLost, detail: String(cString: PQerrorMessage(handle))))
      }
      expected.append(.settings(unit))
    }
    for statement in unit.statements {
      guard send(statement, of: unit) else {
        // libpq queues everything or reports a broken connection: nothing of this unit can have a sync behind it.
        return abandon(unit, PostgresError(.connectionLost, detail: String(cString: PQerrorMessage(handle))))
      }
    }
    guard PQpipelineSync(handle) == 1 else { return abandon(unit, PostgresError(.connectionLost)) }
    expected.append(.sync(unit))
    flush()
    forgetStatements()
  }

  /// The connection broke while the unit was being queued: no synchronisation point will answer it.
  private func abandon(_ unit: PostgresUnit, _ error: PostgresError) {
    fail(error)
    unit.promise.fail(error)
  }

  /// Frees what the cache has let go, each in a unit of its own, so that nobody's transaction depends on it.
  private func forgetStatements() {
    while !isBroken, let name = forgotten.popLast() {
      let unit = PostgresUnit([], Promise(on: loop), loop.now)
      // A statement that was never prepared is no reason to try again.
      unit.wasRepeated = true
      pendingUnits += 1
      guard PQsendQueryParams(handle, "deallocate \(name)", 0, nil, nil, nil, nil, 1) == 1,
        PQpipelineSync(handle) == 1
      else { return fail(PostgresError(.connectionLost)) }
      expected.append(.result(unit))
      expected.append(.sync(unit))
      flush()
    }
  }

  private func send(_ statement: PostgresStatement, of unit: PostgresUnit) -> Bool {
    let text = statement.text
    var name: String?
    if case .pipelined = mode {
      guard let known = statements[text] ?? prepare(text, of: unit) else { return false }
      name = known
    }
    var bytes: [UInt8] = []
    var ranges: [(start: Int, count: Int)?] = []
    ranges.reserveCapacity(text.types.count)
    for index in text.types.indices {
      let start = bytes.count
      ranges.append(statement.encode(index, &bytes) ? (start, bytes.count - start) : nil)
    }
    bytes.append(0)
    let sent = bytes.withUnsafeBytes { raw -> Int32 in
      let base = raw.baseAddress?.assumingMemoryBound(to: CChar.self)
      let values = ranges.map { range in range.flatMap { range in base.map { $0 + range.start } } }
      let lengths = ranges.map { Int32($0?.count ?? 0) }
      let formats = [Int32](repeating: 1, count: ranges.count)
      guard let name else {
        return PQsendQueryParams(handle, text.sql, Int32(ranges.count), text.types, values, lengths, formats, 1)
      }
      return PQsendQueryPrepared(handle, name, Int32(ranges.count), values, lengths, formats, 1)
    }
    expected.append(.result(unit))
    return sent == 1
  }

  /// Has a statement prepared under a new name; `nil` when the connection is broken.
  private func prepare(_ text: StatementText, of unit: PostgresUnit) -> String? {
    statementNumber += 1
    let name = "s\(statementNumber)"
    guard PQsendPrepare(handle, name, text.sql, Int32(text.types.count), text.types) == 1 else { return nil }
    expected.append(.prepared(unit, text: text))
    if statements.count >= PostgresConnection.statementsMax, let oldest = statements.first {
      statements[oldest.key] = nil
      forgotten.append(oldest.value)
    }
    statements[text] = name
    return name
  }

  private func flush() {
    let left = PQflush(handle)
    if left < 0 { return fail(PostgresError(.connectionLost, outcomeUnknown: true)) }
    if (left == 1) != wantsWrite {
      wantsWrite = left == 1
      try? loop.rewatch(fd, for: wantsWrite ? [.readable, .writable] : .readable)
    }
  }

  // MARK: Receiving

  func ready(_ events: Readiness) {
    guard !isBroken else { return }
    if events.contains(.writable) { flush() }
    guard !isBroken, PQconsumeInput(handle) == 1 else {
      return fail(PostgresError(.connectionLost, outcomeUnknown: true, detail: String(cString: PQerrorMessage(handle))))
    }
    while !isBroken, expectedHead < expected.count, PQisBusy(handle) == 0 {
      takeResult()
      if expectedHead == expected.count, !queued.isEmpty { transmitQueued() }
    }
    if expectedHead == expected.count {
      expected.removeAll(keepingCapacity: true)
      expectedHead = 0
    } else if expectedHead > 4096 {
      expected.removeFirst(expectedHead)
      expectedHead = 0
    }
    while let notification = PQnotifies(handle) {
      onNotification?(String(cString: notification.pointee.relname), String(cString: notification.pointee.extra))
      PQfreemem(notification)
    }
  }

  /// Sends the next unit for whose answer somebody still waits.
  private func transmitQueued() {
    while let unit = queued.popFirst() {
      if !unit.promise.isSettled { return transmitNow(unit) }
      pendingUnits -= 1
    }
  }

  private func takeResult() {
    guard let result = PQgetResult(handle) else {
      // The end of one command's results; a synchronisation point has none.
      if case .script(let unit) = expected[expectedHead] { complete(unit) }
      if case .sync = expected[expectedHead] { return }
      expectedHead += 1
      return
    }
    let status = PQresultStatus(result)
    switch expected[expectedHead] {
    case .prepared(let unit, let text):
      if status != PGRES_COMMAND_OK {
        statements[text] = nil
        note(unit, status, result)
      }
      PQclear(result)
    case .settings(let unit):
      if status != PGRES_TUPLES_OK { note(unit, status, result) }
      PQclear(result)
    case .result(let unit), .script(let unit):
      if status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY {
        unit.rows.append(PostgresRows(result))
      } else {
        note(unit, status, result)
        PQclear(result)
        // Copying needs a dialogue that nobody here leads: libpq would give the same result for ever.
        if [PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH].contains(status) {
          unit.error = PostgresError(.sql("0A000"), detail: "COPY is not supported here")
          fail(PostgresError(.connectionLost, outcomeUnknown: true))
        }
      }
    case .sync(let unit):
      PQclear(result)
      guard status == PGRES_PIPELINE_SYNC else { return }
      expectedHead += 1
      complete(unit)
    }
  }

  private func note(_ unit: PostgresUnit, _ status: ExecStatusType, _ result: OpaquePointer) {
    guard unit.error == nil, status != PGRES_PIPELINE_ABORTED else { return }
    func field(_ code: Character) -> String? {
      guard let ascii = code.asciiValue else { return nil }
      return PQresultErrorField(result, Int32(ascii)).map { String(cString: $0) }
    }
    let detail = String(cString: PQresultErrorMessage(result))
    // After these the server closes the connection, perhaps between a commit and its confirmation.
    if let severity = field("V"), severity == "FATAL" || severity == "PANIC" {
      unit.error = PostgresError(.connectionLost, outcomeUnknown: true, detail: detail)
      return
    }
    let state = field("C") ?? "XX000"
    unit.error = PostgresError(.sql(state), constraint: field("n"), detail: detail)
    unit.isStale = state == "26000" || state == "0A000" && field("R") == "RevalidateCachedQuery"
  }

  private func complete(_ unit: PostgresUnit) {
    pendingUnits -= 1
    guard let error = unit.error else { return unit.promise.succeed(unit.rows) }
    // A statement that somebody else failed to prepare, or whose columns have changed: nothing of the unit remains,
    // so it is sent again, unless it belongs to a transaction, which is over.
    if unit.isStale, !unit.wasRepeated {
      for statement in unit.statements {
        if let name = statements.removeValue(forKey: statement.text) { forgotten.append(name) }
      }
      guard PQtransactionStatus(handle) != PQTRANS_INERROR else { return unit.promise.fail(error) }
      unit.wasRepeated = true
      unit.isStale = false
      unit.error = nil
      unit.rows = []
      return transmit(unit)
    }
    unit.promise.fail(error)
  }

  /// When the oldest unit was sent; `nil` when none waits.
  var oldestSentAt: UInt64? {
    guard expectedHead < expected.count else { return nil }
    switch expected[expectedHead] {
    case .prepared(let unit, _), .settings(let unit), .result(let unit), .sync(let unit), .script(let unit):
      return unit.sentAt
    }
  }

  private func fail(_ error: PostgresError) {
    guard !isBroken else { return }
    isBroken = true
    if fd >= 0 { loop.unwatch(fd) }
    let waiting = expected[expectedHead...]
    let unsent = queued
    queued = []
    expected = []
    expectedHead = 0
    pendingUnits = 0
    let lost = PostgresError(.connectionLost, outcomeUnknown: true, detail: error.detail)
    for case .sync(let unit) in waiting { unit.promise.fail(unit.error ?? lost) }
    for case .script(let unit) in waiting { unit.promise.fail(unit.error ?? lost) }
    for unit in unsent { unit.promise.fail(PostgresError(.connectionLost, detail: error.detail)) }
    let callback = onBroken
    onBroken = nil
    callback?()
  }
}
