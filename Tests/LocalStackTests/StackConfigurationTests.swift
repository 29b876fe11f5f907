import Testing

@testable import LocalStack

@Suite struct StackConfigurationTests {
  /// The folders of sockets and of a database that lies elsewhere are named after it.
  @Test(arguments: ["/srv/cadre", "/srv/cadre/", "//srv/./cadre", "/srv//cadre/."])
  func `a data folder has one name, however it is written`(path: String) {
    #expect(StackConfiguration(data: path, executables: "/").data == "/srv/cadre")
  }

  @Test func `a relative folder is one of the working directory`() {
    let plain = StackConfiguration(data: "x", executables: "/").data
    #expect(plain.hasPrefix("/") && plain.hasSuffix("/x"))
    #expect(StackConfiguration(data: "./x/", executables: "/").data == plain)
  }

  @Test func `an executable that is missing is built as its folder is`() {
    let release = LocalStack.missing("gateway", in: "/x/.build/release").description
    #expect(release == "/x/.build/release/gateway is missing; build it with: make build")
    #expect(LocalStack.missing("gateway", in: "/x/.build/debug").description.hasSuffix("swift build --product gateway"))
  }
}
