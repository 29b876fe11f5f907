/// What a reload brought.
public struct SettingsReload: Sendable {
  /// The new snapshot.
  public let settings: Settings
  /// The keys whose values changed, in the order of the table; empty when nothing did.
  public let changedKeys: [String]
}

extension Settings {
  /// Reads the sources again and compares. On any error this snapshot simply stays in force.
  ///
  /// - Parameter sources: Other sources than the ones of this snapshot.
  /// - Throws: `.invalid` when the new configuration has faults, `.notReloadable` when it changes a setting that is
  ///   fixed while the service runs; then nothing is taken over, not even the other changes.
  public func reload(from sources: SettingsSources? = nil) throws(SettingsError) -> SettingsReload {
    let new = try table.load(sources ?? self.sources)
    let changed = new.changedRows(from: self)
    let faults = changed.filter { !$0.isReloadable }.map { row in
      SettingsFault(
        code: .notReloadable, origin: new.origin(of: row), key: row.key,
        message: "changed, but takes effect at a restart only")
    }
    guard faults.isEmpty else { throw SettingsError(.notReloadable, faults) }
    return SettingsReload(settings: new, changedKeys: changed.map(\.key))
  }
}
