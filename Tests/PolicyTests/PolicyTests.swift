import Testing

@testable import Policy

@Suite struct PolicyTests {
  @Test func parses() throws { _ = try Parser.module(Array("package a\np := 1\n".utf8), file: "a.rego") }
}
