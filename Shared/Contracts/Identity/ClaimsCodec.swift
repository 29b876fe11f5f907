/// The claims of an assertion as text: lines `name=value` in a fixed order, each name at most once, and only known
/// ones. One assertion has exactly one text, and nothing in it can be nested or repeated.
enum ClaimsCodec {
  /// The names, in their order.
  private enum Claim: String, CaseIterable {
    case audience = "aud"
    case expiry = "exp"
    case principal = "sub"
    case scope
    case tenant
    case project
    case group
    case agent
    case run
    case step
    case lease
    case role
  }

  private static let names = Claim.allCases.map { Array($0.rawValue.utf8) }
  private static let expiryDigitsMax = 12

  // MARK: Writing

  static func write(_ assertion: Assertion) -> [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity(384)
    let caller = assertion.caller
    begin(.audience, &text)
    append(Audience.allCases, isIn: { assertion.audiences.contains(Audiences($0)) }, &text)
    append(.expiry, String(assertion.expiresAt), &text)
    append(.principal, caller.principal, &text)
    begin(.scope, &text)
    append(Scope.allCases, isIn: { caller.has($0) }, &text)
    append(.tenant, id: caller.tenant, &text)
    append(.project, caller.project, &text)
    append(.group, caller.group, &text)
    append(.agent, caller.agent, &text)
    if let step = caller.step {
      append(.run, id: step.run, &text)
      append(.step, id: step.id, &text)
      append(.lease, step.lease.text, &text)
    }
    append(.role, caller.role, &text)
    return text
  }

  private static func begin(_ claim: Claim, _ text: inout [UInt8]) {
    if !text.isEmpty { text.append(0x0A) }
    text += claim.rawValue.utf8
    text.append(UInt8(ascii: "="))
  }

  private static func append(_ claim: Claim, _ value: String?, _ text: inout [UInt8]) {
    guard let value else { return }
    begin(claim, &text)
    text += value.utf8
  }

  private static func append<Kind>(_ claim: Claim, id: ID<Kind>, _ text: inout [UInt8]) {
    begin(claim, &text)
    id.withText { text += $0 }
  }

  /// Words with spaces between them.
  private static func append<Word: RawRepresentable>(_ all: [Word], isIn: (Word) -> Bool, _ text: inout [UInt8])
  where Word.RawValue == String {
    var isFirst = true
    for word in all where isIn(word) {
      if !isFirst { text.append(UInt8(ascii: " ")) }
      text += word.rawValue.utf8
      isFirst = false
    }
  }

  // MARK: Reading

  static func read(_ bytes: [UInt8], issuer: Issuer) throws(AssertionError) -> Assertion {
    let values = try split(bytes)
    func value(_ claim: Claim) -> String? {
      Claim.allCases.firstIndex(of: claim).flatMap { values[$0] }
    }
    guard let audience = value(.audience), let expiry = value(.expiry), let principal = value(.principal),
      let scope = value(.scope), let tenant = value(.tenant)
    else { throw .notPermitted }
    guard let audiences = set(audience, Audience.init(rawValue:), Audience.allCases, Audiences.init),
      let scopes = set(scope, Scope.init(rawValue:), Scope.allCases, Scopes.init), let expiresAt = seconds(expiry),
      let tenant = id(tenant, TenantID.self)
    else { throw .malformed }
    guard issuer.scopes.isSuperset(of: scopes) else { throw .notPermitted }
    let caller = Caller(
      issuer: issuer, tenant: tenant, principal: principal, scopes: scopes, project: value(.project),
      group: value(.group), agent: value(.agent),
      step: try step(value(.run), value(.step), value(.lease), issuer: issuer), role: value(.role))
    return Assertion(caller: caller, audiences: audiences, expiresAt: expiresAt)
  }

  /// The values by the position of their names.
  private static func split(_ bytes: [UInt8]) throws(AssertionError) -> [String?] {
    var values = [String?](repeating: nil, count: names.count)
    var next = 0
    for line in bytes.split(separator: 0x0A, omittingEmptySubsequences: false) {
      guard let equals = line.firstIndex(of: UInt8(ascii: "=")) else { throw .malformed }
      let name = line[..<equals]
      // Names before `next` were there already, or would be out of order.
      while next < names.count, !names[next].elementsEqual(name) { next += 1 }
      guard next < names.count, let value = ClaimText.read(line[line.index(after: equals)...]) else { throw .malformed }
      values[next] = value
      next += 1
    }
    return values
  }

  private static func set<Word: RawRepresentable & Equatable, Set: OptionSet>(
    _ text: String, _ word: (String) -> Word?, _ all: [Word], _ one: (Word) -> Set
  ) -> Set? where Word.RawValue == String, Set.Element == Set {
    var set: Set = []
    var last = -1
    for part in text.split(separator: " ", omittingEmptySubsequences: false) {
      guard let word = word(String(part)), let place = all.firstIndex(of: word), place > last else { return nil }
      last = place
      set.insert(one(word))
    }
    return set
  }

  private static func seconds(_ text: String) -> Int64? {
    guard (1...expiryDigitsMax).contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) }),
      text.utf8.first != UInt8(ascii: "0")
    else { return nil }
    return Int64(text)
  }

  /// An id in the form in which it is written.
  private static func id<Kind: IdentifiedKind>(_ text: String, _ kind: ID<Kind>.Type) -> ID<Kind>? {
    guard let id = ID<Kind>(text), id.description == text else { return nil }
    return id
  }

  /// The orchestrator vouches for steps, and only it.
  private static func step(
    _ run: String?, _ step: String?, _ lease: String?, issuer: Issuer
  ) throws(AssertionError) -> Caller.Step? {
    switch issuer {
    case .gateway:
      guard run == nil, step == nil, lease == nil else { throw .notPermitted }
      return nil
    case .orchestrator:
      guard let run, let step, let lease else { throw .notPermitted }
      guard let run = id(run, RunID.self), let step = id(step, StepID.self), let lease = LeaseBinding(text: lease)
      else { throw .malformed }
      return Caller.Step(run: run, id: step, lease: lease)
    }
  }
}
