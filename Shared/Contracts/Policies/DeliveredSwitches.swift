internal import JSON

/// The switches of policies as operators have set them. What is `nil` nobody has set: the settings of each service
/// count.
public struct DeliveredSwitches: Hashable, Sendable {
  /// The names of modes.
  public static let modes = ["off", "dry_run", "enforce"]

  /// Which change it is.
  public let revision: PolicyRevision
  /// The mode, one of `modes`.
  public let mode: String?
  /// For how many of a hundred tenants `enforce` is in force.
  public let canaryPercent: Int?
  /// Whether everything but reading is refused.
  public let isHalted: Bool?

  /// Makes switches.
  public init(revision: PolicyRevision, mode: String?, canaryPercent: Int?, isHalted: Bool?) {
    self.revision = revision
    self.mode = mode
    self.canaryPercent = canaryPercent
    self.isHalted = isHalted
  }

  /// Reads switches; `nil` when they are none.
  init?(_ view: JSONView?) {
    guard let view, view.kind == .object, let revision = PolicyRevision(view["revision"]) else { return nil }
    self.init(
      revision: revision, mode: view["mode"]?.string,
      canaryPercent: view["canary_percent"]?.int.map { Int(clamping: $0) },
      isHalted: view["is_halted"]?.bool)
    // What cannot be understood must not be taken for what nobody has set.
    guard (view["mode"] == nil) == (mode == nil), mode.map(DeliveredSwitches.modes.contains) ?? true,
      (view["canary_percent"] == nil) == (canaryPercent == nil), (0...100).contains(canaryPercent ?? 0),
      (view["is_halted"] == nil) == (isHalted == nil)
    else { return nil }
  }

  func write(_ name: String, to writer: inout JSONWriter) {
    writer.key(name)
    writer.beginObject()
    revision.write("revision", to: &writer)
    writer.member("mode", ifPresent: mode)
    writer.member("canary_percent", ifPresent: canaryPercent.map { Int64($0) })
    if let isHalted { writer.member("is_halted", isHalted) }
    writer.endObject()
  }
}
