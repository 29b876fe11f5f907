/// What an executable says about itself.
public struct ProgramDescription: Sendable {
  /// The name of the executable.
  public let name: String
  /// One sentence about what it does.
  public let summary: String
  /// The version.
  public let version: String

  /// Describes an executable.
  public init(name: String, summary: String, version: String) {
    self.name = name
    self.summary = summary
    self.version = version
  }
}

/// What follows from a command line.
public enum CommandLineOutcome: Sendable {
  /// Serve with these settings.
  case run(Settings)
  /// Print the text to the standard output and end with status 0.
  case print(String)
}

extension CommandLineOptions {
  /// Does what the options ask for. The shell prints the text, or the error to the standard error with status 2.
  ///
  /// - Parameters:
  ///   - table: The settings of the executable.
  ///   - program: What it says about itself.
  ///   - environment: The environment, by `SettingsSources.processEnvironment()`.
  public func outcome(
    for table: SettingsTable, program: ProgramDescription, environment: [String: String]
  ) throws(SettingsError) -> CommandLineOutcome {
    let sources = SettingsSources(file: configFile, environment: environment, overrides: overrides)
    switch action {
    case .help: return .print(Self.usage(program) + "\nSettings:\n" + table.helpText())
    case .version: return .print("\(program.name) \(program.version)\n")
    case .printConfigDocs: return .print(table.markdown(title: program.name))
    case .run: return .run(try table.load(sources))
    case .checkConfig:
      let settings = try table.load(sources)
      let warnings = settings.warnings.map { "warning: \($0)\n" }.joined()
      let file = sources.file.map { "\($0): " } ?? ""
      return .print("\(warnings)\(file)the configuration is valid (\(settings))\n")
    }
  }

  private static func usage(_ program: ProgramDescription) -> String {
    """
    \(program.summary)

    Usage: \(program.name) [options]

    Options:
      --config FILE        read settings from a YAML file (or CADRE_CONFIG)
      --set KEY=VALUE      set one value, stronger than file and environment; repeatable
      --check-config       check the whole configuration, report every fault, and end
      --migrate            bring the database to this version, and end with 0 when it is there
      --health             end with 0 when the process with these settings is ready, else with 1
      --print-config-docs  print the reference of the settings as Markdown
      --version            print the version
      -h, --help           print this text

    """
  }
}
