/// The ids of tool calls on their way to a provider: valid there, unique, and the same at a call and its result. Ids
/// that the provider takes stay; another is derived from the id and its place, so that it is found again in every later
/// request that carries the same history.
struct CallIDs {
  private static let digestLength = 16
  private let lengthMax: Int
  private let isPlain: Bool
  private var used: Set<String> = []
  /// Calls whose results have not come yet, by the ids that they came with.
  private var open: [String: ArraySlice<String>] = [:]
  private var last: [String: String] = [:]
  /// How many ids were derived from the same one.
  private var salts: [String: Int] = [:]

  init(_ rules: ProviderRules) {
    lengthMax = max(CallIDs.digestLength + 6, rules.callIDLengthMax)
    isPlain = rules.callIDsArePlain
  }

  /// The id of a call.
  mutating func call(_ original: String) -> String {
    var wire = original
    if !isValid(original) || used.contains(original) {
      var salt = salts[original, default: 0]
      repeat {
        wire = derived(original, salt: salt)
        salt += 1
      } while used.contains(wire)
      salts[original] = salt
    }
    used.insert(wire)
    open[original, default: []].append(wire)
    last[original] = wire
    return wire
  }

  /// The id that the result of a call carries.
  mutating func result(_ original: String) -> String {
    if let wire = open[original]?.popFirst() { return wire }
    return last[original] ?? (isValid(original) ? original : derived(original, salt: 0))
  }

  private func isValid(_ id: String) -> Bool {
    !id.isEmpty && id.utf8.count <= lengthMax && (!isPlain || id.unicodeScalars.allSatisfy(NameMap.isAllowed))
  }

  private func derived(_ original: String, salt: Int) -> String {
    "call_\(ShortDigest.text(of: salt == 0 ? original : "\(original)#\(salt)", length: CallIDs.digestLength))"
  }
}
