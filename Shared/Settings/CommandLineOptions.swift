/// The options that every executable understands.
///
/// `--config FILE`, `--set KEY=VALUE` (repeatable), `--check-config`, `--print-config-docs`, `--help` (`-h`),
/// `--version`; `--option=value` works too, and `--` ends the options.
public struct CommandLineOptions: Sendable, Equatable {
  /// What the process is asked to do. The first of several wins in the order of this list.
  public enum Action: Int, Sendable, Comparable {
    /// Print the usage.
    case help
    /// Print the version.
    case version
    /// Print the reference of the settings.
    case printConfigDocs
    /// Load the configuration, report, and end.
    case checkConfig
    /// Serve.
    case run

    /// The order of precedence.
    public static func < (left: Action, right: Action) -> Bool { left.rawValue < right.rawValue }
  }

  /// What to do.
  public private(set) var action = Action.run
  /// The configuration file.
  public private(set) var configFile: String?
  /// The values of `--set`, in order.
  public private(set) var overrides: [SettingsOverride] = []
  /// Words that are no options, for executables with subcommands.
  public private(set) var words: [String] = []

  /// Bytes of all arguments together.
  public static let argumentBytesMaximum = 1024 * 1024

  private static let names = [
    "--config", "--set", "--check-config", "--print-config-docs", "--help", "-h", "--version",
  ]

  /// Reads the arguments without the name of the program.
  ///
  /// - Parameters:
  ///   - arguments: The arguments.
  ///   - acceptsWords: Whether words that are no options are allowed.
  /// - Throws: `.usage` with every fault.
  public init(_ arguments: [String], acceptsWords: Bool = false) throws(SettingsError) {
    let log = FaultLog()
    if arguments.reduce(0, { $0 + $1.utf8.count }) > Self.argumentBytesMaximum {
      throw SettingsError(
        .usage, [SettingsFault(code: .limit, origin: nil, key: "", message: "the arguments are too long")])
    }
    var rest = arguments[...]
    var optionsEnded = false
    while let argument = rest.popFirst() {
      if optionsEnded || !argument.hasPrefix("-") || argument == "-" {
        if acceptsWords {
          words.append(argument)
        } else {
          log.add(.unknownOption, nil, "an option was expected instead of \"\(argument)\"")
        }
      } else if argument == "--" {
        optionsEnded = true
      } else {
        take(argument, &rest, log)
      }
    }
    guard log.faults.isEmpty else { throw SettingsError(.usage, log.faults) }
  }

  private mutating func take(_ argument: String, _ rest: inout ArraySlice<String>, _ log: FaultLog) {
    let equals = argument.firstIndex(of: "=")
    let name = String(argument[..<(equals ?? argument.endIndex)])
    let attached = equals.map { String(argument[argument.index(after: $0)...]) }
    switch name {
    case "--config":
      guard let file = attached ?? rest.popFirst(), !file.isEmpty else {
        return log.add(.unknownOption, nil, "--config needs the path of a file")
      }
      if configFile != nil { log.add(.conflict, nil, "--config is given twice") }
      configFile = file
    case "--set":
      let assignment = attached ?? rest.popFirst() ?? ""
      guard let sign = assignment.firstIndex(of: "="), sign > assignment.startIndex else {
        return log.add(.unknownOption, nil, "--set needs KEY=VALUE, for example --set http.port=8080")
      }
      overrides.append(
        SettingsOverride(
          key: String(assignment[..<sign]), value: String(assignment[assignment.index(after: sign)...])))
    case "--help", "-h": ask(.help, name, attached, log)
    case "--version": ask(.version, name, attached, log)
    case "--print-config-docs": ask(.printConfigDocs, name, attached, log)
    case "--check-config": ask(.checkConfig, name, attached, log)
    default:
      // The attached value may be a secret that belongs to a misspelt option: it is not repeated.
      log.add(.unknownOption, nil, "unknown option \(name)\(NearestName.hint(for: name, among: Self.names))")
    }
  }

  private mutating func ask(_ wanted: Action, _ name: String, _ attached: String?, _ log: FaultLog) {
    if attached != nil { log.add(.unknownOption, nil, "\(name) takes no value") }
    action = min(action, wanted)
  }
}
