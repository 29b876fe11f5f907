import Contracts
import Testing

@Suite struct RoutesTests {
  @Test func `every address is declared once, with a line about it`() {
    let names = Routes.all.map(\.description)
    #expect(names.count > 95)
    #expect(Set(names).count == names.count)
    for route in Routes.all {
      #expect(route.pattern.hasPrefix("/"), "\(route)")
      #expect(route.summary.hasSuffix(".") && route.summary.first?.isUppercase == true, "\(route)")
      #expect(route.bodyBytesMax > 0 && route.bodyBytesMax <= 32 << 20, "\(route)")
    }
    let services: [Audience] = [.orchestrator, .router, .gateway]
    #expect(services.map { Routes.of($0).count }.reduce(0, +) == Routes.all.count)
  }

  @Test func `nothing for workers and nothing between services is public`() {
    for route in Routes.all {
      switch route.access {
      case .worker, .step: #expect(!route.isPublic, "\(route)")
      default: break
      }
      let isOutside = ["/v1/", "/api/v1/", "/auth/v1/", "/operator/v1/"].contains { route.pattern.hasPrefix($0) }
      if route.isPublic, !Routes.reference.contains(route) { #expect(isOutside, "\(route)") }
      if route.pattern.hasPrefix("/operator/") { #expect(route.access == .operator, "\(route)") }
    }
    #expect(!Routes.forwarded.contains { $0.pattern.hasPrefix("/worker/") })
  }

  @Test func `virtual keys are good for model routes only`() {
    for route in Routes.all { #expect(route.isModelRoute == route.pattern.hasPrefix("/v1/"), "\(route)") }
  }

  @Test func `what configures the installation needs an operator`() {
    for route in Routes.of(.router) where route.pattern.hasPrefix("/api/v1/providers") {
      #expect(route.access == .operator, "\(route)")
    }
    #expect(Routes.all.filter { $0.pattern.hasPrefix("/operator/") }.allSatisfy { $0.access == .operator })
    #expect(Routes.all.filter { $0.pattern.hasPrefix("/worker/v1/steps/") }.allSatisfy { $0.access.scope == .step })
  }
}
