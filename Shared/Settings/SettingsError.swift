/// The error of this module: every fault of a configuration at once.
public struct SettingsError: Error, Sendable, Equatable {
  /// What was being done.
  public enum Code: String, Sendable {
    /// The configuration cannot be used.
    case invalid
    /// The command line cannot be understood.
    case usage
  }

  /// What was being done.
  public let code: Code
  /// The faults, in the order of the sources: file, environment, command line, missing values.
  public let faults: [SettingsFault]

  init(_ code: Code, _ faults: [SettingsFault]) {
    self.code = code
    self.faults = faults
  }
}

extension SettingsError: CustomStringConvertible {
  /// Faults that one message lists; the rest are counted.
  public static let listedFaultsMaximum = 50

  /// One readable message with a line for each fault.
  public var description: String {
    let count = faults.count == 1 ? "1 fault" : "\(faults.count) faults"
    let head =
      switch code {
      case .invalid: "\(count) in the configuration:"
      case .usage: "\(count) on the command line (--help lists the options):"
      }
    var lines = [head]
    for fault in faults.prefix(Self.listedFaultsMaximum) { lines.append("  \(fault)") }
    if faults.count > Self.listedFaultsMaximum {
      lines.append("  and \(faults.count - Self.listedFaultsMaximum) more")
    }
    return lines.joined(separator: "\n")
  }
}

/// Collects the faults and warnings of one pass over a configuration.
final class FaultLog {
  private(set) var faults: [SettingsFault] = []
  private(set) var warnings: [String] = []
  /// A muted log takes part in nothing; it serves the making of placeholders.
  private let isMuted: Bool

  init(muted: Bool = false) { isMuted = muted }

  func add(_ code: SettingsFault.Code, _ origin: SettingOrigin?, key: String = "", _ message: String) {
    if !isMuted { faults.append(SettingsFault(code: code, origin: origin, key: key, message: message)) }
  }

  func warn(_ message: String) {
    if !isMuted { warnings.append(message) }
  }
}
