public import AgentTools
internal import Contracts
public import Settings

/// The settings of tool calls.
public enum ToolSettings {
  private static let risks = ToolRisk.allCases.map(\.rawValue)

  static let allowedRisks = Setting(
    "tools.allowed_risks", .strings(countMaximum: 4), default: risks,
    "Risks of tools that agents may use at all: read, write, execute, network.")
  static let approvalRisks = Setting(
    "tools.approval_risks", .strings(countMaximum: 4), default: [],
    "Risks of tools whose every call waits for a person's approval.")
  static let hosts = Setting(
    "tools.http_hosts", .strings(countMaximum: 1000), default: [],
    "Hosts that http_fetch may reach: example.com, *.example.com, or * for every public one, each with :PORT or without. Without any the tool is not offered."
  )
  static let privateHosts = Setting(
    "tools.http_private_hosts", .strings(countMaximum: 1000), default: [],
    "Hosts among them that may have private or loopback addresses, for an intranet.")
  static let ports = Setting(
    "tools.http_ports", .strings(countMaximum: 100), default: ["80", "443"],
    "Ports that http_fetch may reach at hosts that are named without one.")
  static let methods = Setting(
    "tools.http_methods", .strings(countMaximum: 3), default: ["GET", "HEAD"],
    "Methods of http_fetch; with POST among them the tool http_post is offered.")
  static let bytesMax = Setting(
    "tools.http_response_bytes", .bytes(in: 1024...(16 << 20)), default: 2 << 20,
    "Bytes that are read of an answer, compressed and unpacked; the rest is cut off.")

  /// All of them.
  public static let all: [any SettingDeclaration] = [
    allowedRisks, approvalRisks, hosts, privateHosts, ports, methods, bytesMax,
  ]

  /// What is wrong with the values.
  public struct Fault: Error, CustomStringConvertible {
    /// The setting and what it takes.
    public let description: String
  }

  /// The static policy. Throws `Fault`.
  public static func policy(_ settings: Settings) throws -> RiskPolicy {
    RiskPolicy(
      allowed: try readRisks(settings[allowedRisks], allowedRisks.key),
      approval: try readRisks(settings[approvalRisks], approvalRisks.key))
  }

  private static func readRisks(_ words: [String], _ key: String) throws -> Set<ToolRisk> {
    Set(
      try words.map { word in
        guard let risk = ToolRisk(rawValue: word) else {
          throw Fault(description: "\(key): \"\(word)\" is no risk; there are \(risks.joined(separator: ", "))")
        }
        return risk
      })
  }

  /// What may be fetched, and whether bodies may be sent; `nil` where no host is allowed. Throws `Fault`.
  public static func fetching(_ settings: Settings) throws -> (rules: FetchRules, allowsPost: Bool)? {
    let names = try patterns(settings[hosts], hosts.key)
    let privateNames = try patterns(settings[privateHosts], privateHosts.key)
    let numbers = try settings[ports].map { text in
      guard let port = Int(text), (1...65535).contains(port) else {
        throw Fault(description: "\(ports.key): \"\(text)\" is no port")
      }
      return port
    }
    let words = settings[methods].map { $0.uppercased() }
    guard Set(words).isSubset(of: ["GET", "HEAD", "POST"]) else {
      throw Fault(description: "\(methods.key): there are GET, HEAD and POST")
    }
    guard !names.isEmpty else { return nil }
    return (
      FetchRules(hosts: names, privateHosts: privateNames, ports: Set(numbers), bytesMax: settings[bytesMax]),
      words.contains("POST")
    )
  }

  private static func patterns(_ texts: [String], _ key: String) throws -> [HostPattern] {
    try texts.map { text in
      guard let pattern = HostPattern(text) else {
        throw Fault(description: "\(key): \"\(text)\" is neither a host, an address, *.HOST nor *")
      }
      return pattern
    }
  }
}
