public import HTTPWire

extension Routes {
  /// The declared address that a method and a path lead to, among those that the gateway forwards; a query is left out.
  public static func forwarded(_ method: HTTPMethod, _ target: String) -> RouteSpecification? {
    find(method, target, among: forwarded)
  }

  /// The same among all that the gateway answers or forwards.
  public static func outside(_ method: HTTPMethod, _ target: String) -> RouteSpecification? {
    find(method, target, among: forwarded + gateway + [mcp])
  }

  private static func find(
    _ method: HTTPMethod, _ target: String, among routes: [RouteSpecification]
  ) -> RouteSpecification? {
    let path = target.prefix { $0 != "?" }.split(separator: "/", omittingEmptySubsequences: false)
    func literals(_ route: RouteSpecification) -> Int { route.pattern.split(separator: "/").count { $0.first != "{" } }
    // Of two that fit, the one that says more literally.
    return routes.filter { $0.method == method && fits($0, path) }.max { literals($0) < literals($1) }
  }

  private static func fits(_ route: RouteSpecification, _ path: [Substring]) -> Bool {
    let pattern = route.pattern.split(separator: "/", omittingEmptySubsequences: false)
    // The rest of a path.
    let isOpen = pattern.last?.hasSuffix("*}") ?? false
    guard pattern.count == path.count || (isOpen && pattern.count < path.count) else { return false }
    return zip(pattern, path).allSatisfy { part, segment in part.first == "{" ? !segment.isEmpty : part == segment }
  }
}
