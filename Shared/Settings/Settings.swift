/// The configuration of a running service: an immutable, fully checked snapshot.
///
/// Reading is a dictionary look-up; code on a hot path keeps the value instead of asking again.
public struct Settings: Sendable {
  /// A value and where it came from.
  struct Entry: Sendable {
    let value: any AnySettingValue
    let origin: SettingOrigin
  }

  /// The table that the snapshot was read by.
  public let table: SettingsTable
  /// What is unwise though not wrong, for the log at start.
  public let warnings: [String]
  private let entries: [String: Entry]

  init(table: SettingsTable, warnings: [String], entries: [String: Entry]) {
    self.table = table
    self.warnings = warnings
    self.entries = entries
  }

  /// The value of a setting. Asking for one that is not in the table is a programming error and stops the process.
  public subscript<Value>(setting: Setting<Value>) -> Value {
    guard let known = entries[setting.key]?.value as? SettingValue<Value> else {
      // Settings are named by our own code; every one that is read is in the table of its service.
      preconditionFailure("the setting \(setting.key) is not in this service's table")
    }
    return known.value
  }

  /// Where the value of a setting came from.
  public func origin<Value>(of setting: Setting<Value>) -> SettingOrigin {
    entries[setting.key]?.origin ?? .defaultValue
  }

  /// Every setting with its value as text, secrets masked, in the order of the table: for the status page.
  public var redactedDump: [RedactedSetting] {
    table.rows.compactMap { row in
      entries[row.key].map { entry in
        RedactedSetting(key: row.key, value: entry.value.text, source: entry.origin.description)
      }
    }
  }
}

extension Settings: CustomStringConvertible, CustomReflectable {
  /// The count of settings: values are shown by `redactedDump` only.
  public var description: String { "\(entries.count) settings" }
  /// A mirror without children, so that `dump` shows no secret.
  public var customMirror: Mirror { Mirror(self, children: []) }
}

/// A setting as a status page shows it.
public struct RedactedSetting: Sendable, Equatable, Encodable {
  /// The dotted key.
  public let key: String
  /// The value as text, `[secret]` for secrets, a count of entries for structured settings.
  public let value: String
  /// Where it came from, for example `default` or `cadre.yaml:3:9`.
  public let source: String
}
