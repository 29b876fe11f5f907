import Contracts
import Foundation
import GatewayOpenAPI
import JSON
import JSONSchema
import Testing

@Suite struct OpenAPIDocumentTests {
  let document = OpenAPIDocument(version: "1.2.3")

  private func parsed() throws -> JSONDocument {
    try JSONDocument(parsing: document.bytes, limits: JSONLimits(depthMax: 64, bytesMax: 4 << 20, nodesMax: 200_000))
  }

  @Test func `is written to a file when that is asked for`() throws {
    guard let path = ProcessInfo.processInfo.environment["CADRE_OPENAPI_FILE"] else { return }
    try Data(document.bytes).write(to: URL(fileURLWithPath: path))
  }

  @Test func `describes every forwarded address and no other`() {
    let missing = Routes.forwarded.filter { !OperationTable.isDescribed($0) }
    #expect(missing.map(\.description) == [])
    // Parts of the gateway that an installation does not have are described all the same.
    #expect(OperationTable.undeclared.filter { !$0.contains(" /auth/v1/") } == [] || Routes.gateway.count < 10)
  }

  @Test func `has every public address by path and method`() throws {
    let root = try parsed().root
    #expect(root["openapi"]?.string == "3.1.0")
    for route in OperationTable.routes {
      let path = route.pattern.replacing("*}", with: "}")
      let operation = root["paths"]?[path]?["\(route.method)".lowercased()]
      #expect(operation?["summary"]?.string == route.summary, "\(route)")
    }
    let count = root["paths"]?.members.reduce(0) { $0 + $1.value.count } ?? 0
    #expect(count == OperationTable.routes.count)
  }

  @Test func `gives every operation a name of its own`() {
    let names = OperationTable.routes.map { OperationTable.operation(of: $0).name }
    #expect(Set(names).count == names.count)
  }

  @Test func `refers only to what is there`() throws {
    let root = try parsed().root
    var references: Set<String> = []
    collect(root, &references)
    #expect(references.count > 100)
    for reference in references {
      let found = reference.dropFirst(2).split(separator: "/").reduce(Optional(root)) { $0?[String($1)] }
      #expect(found != nil, "\(reference)")
    }
  }

  private func collect(_ view: JSONView, _ references: inout Set<String>) {
    if let reference = view["$ref"]?.string { references.insert(reference) }
    for (_, value) in view.kind == .object ? Array(view.members) : [] { collect(value, &references) }
    for element in view.kind == .array ? Array(view.elements) : [] { collect(element, &references) }
  }
}
