public import Contracts

/// Which tools a step's list means.
public enum ToolSelection {
  /// Entries of a list that are looked at.
  public static let namesMax = 256

  /// Selects from what is there. `wanted` of `nil` takes the defaults: built-ins that only read. Names are those of
  /// tools; `*` is everything, `user:*` every tool of the tenant, `mcp:SERVER/*` and `mcp:SERVER/TOOL` tools of an MCP
  /// server. Returns places in `available`, in its order, and the names that lead to nothing.
  public static func select(
    _ wanted: [String]?, from available: [ToolDefinition], allowed: (ToolDefinition) -> Bool = { _ in true }
  ) -> (places: [Int], missing: [String]) {
    guard let wanted else {
      return (available.indices.filter { available[$0].source == .builtIn && available[$0].risk == .read }, [])
    }
    var selected: Set<Int> = []
    var missing: [String] = []
    for name in wanted.prefix(namesMax) {
      let found = available.indices.filter { ToolSelection.means(name, available[$0]) && allowed(available[$0]) }
      if found.isEmpty, name != "*" { missing.append(name) }
      selected.formUnion(found)
    }
    return (selected.sorted(), missing)
  }

  /// Whether a list may mean tools beside the built-in ones, so that the tenant's registry has to be read.
  public static func reachesBeyondBuiltIns(_ wanted: [String]?) -> Bool {
    wanted?.prefix(namesMax).contains { BuiltInTools.named($0) == nil && $0 != "calculate" } ?? false
  }

  /// Whether a list may mean tools of an MCP server, whose own tools may not be known yet. `nil` may mean any.
  public static func mayMean(_ wanted: [String]?, server: String) -> Bool {
    guard let wanted else { return true }
    return wanted.prefix(namesMax).contains {
      $0 == "*" || $0.hasPrefix("mcp:\(server)/") || $0.hasPrefix("\(server)__")
    }
  }

  private static func means(_ name: String, _ definition: ToolDefinition) -> Bool {
    if name == "*" || name == definition.name { return true }
    switch definition.source {
    case .builtIn: return name == "calculate" && definition.name == "calculator"
    case .user: return name == "user:*"
    case .mcp(let server):
      let prefix = "mcp:\(server)/"
      guard name.hasPrefix(prefix) else { return false }
      let tool = name.dropFirst(prefix.count)
      return tool == "*" || definition.name == "\(server)__\(tool)"
    }
  }
}
