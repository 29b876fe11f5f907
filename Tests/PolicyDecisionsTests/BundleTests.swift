import Foundation
import Policy
import Testing

@testable import PolicyDecisions

@Suite("Policy bundles")
struct BundleTests {
  private let folder = NSTemporaryDirectory() + "cadre-bundle-\(UUID().uuidString)"

  private func write(_ name: String, _ text: String) throws {
    let path = folder + "/" + name
    try FileManager.default.createDirectory(
      atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    try text.write(toFile: path, atomically: true, encoding: .utf8)
  }

  @Test func `a folder is a bundle: modules, documents, no tests`() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try write("http.rego", Sample.module)
    try write("deep/er/more.rego", "package cadre.more\nx := data.cadre.config.a.c")
    try write("http_test.rego", "this is no rego")
    try write(".hidden.rego", "this is no rego")
    try write("notes.json", "this is no json")
    try write("data/a.json", #"{"readers": ["viewer"], "a": {"b": 1}}"#)
    try write("data/b.yaml", "a:\n  c: ${HOME}\n  d: [1, 2.5, yes, null]\n")
    let bundle = try PolicyBundle(folder: folder)
    #expect(bundle.modules == 2)
    #expect(
      bundle.data.json
        == #"{"cadre":{"config":{"a":{"b":1,"c":"${HOME}","d":[1,2.5,"yes",null]},"readers":["viewer"]}}}"#)
    let before = bundle.revision
    #expect(try PolicyBundle(folder: folder).revision == before)
    try write("data/b.yaml", "a:\n  c: 2\n")
    #expect(try PolicyBundle(folder: folder).revision != before)
  }

  @Test(arguments: [
    ("a.rego", "package a\np := ", "a.rego: 2:6"), ("data/a.json", "[1]", "data/a.json"),
    ("data/a.json", "{", "data/a.json"),
    ("data/a.yaml", "a: *b", "data/a.yaml"), ("data/z.json", #"{"readers": 1}"#, "data/z.json"),
    ("a.rego", "package a\np := http.send({})", "a.rego: 2:"),
  ])
  func `a fault names its file`(_ name: String, _ text: String, _ wanted: String) throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try write("http.rego", Sample.module)
    try write("data/config.json", Sample.config)
    try write(name, text)
    let error = #expect(throws: PolicyBundleError.self) { _ = try PolicyBundle(folder: folder) }
    #expect(error?.description.hasPrefix(wanted) == true, "\(error?.description ?? "")")
  }

  @Test func `a folder has bounds`() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    #expect(throws: PolicyBundleError.self) { _ = try PolicyBundle(folder: folder) }
    try write("http.rego", Sample.module)
    for number in 0..<20 { try write("many/\(number).rego", "package m\(number)\n") }
    try write("a/b/c/d/e.rego", "package e\n")
    var limits = PolicyBundleLimits()
    limits.filesMax = 10
    #expect(throws: PolicyBundleError.self) { _ = try PolicyBundle(folder: folder, limits: limits) }
    limits = PolicyBundleLimits()
    limits.depthMax = 2
    #expect(throws: PolicyBundleError.self) { _ = try PolicyBundle(folder: folder, limits: limits) }
    limits = PolicyBundleLimits()
    limits.bytesMax = 100
    #expect(throws: PolicyBundleError.self) { _ = try PolicyBundle(folder: folder, limits: limits) }
    #expect(throws: Never.self) { _ = try PolicyBundle(folder: folder) }
  }

  @Test func `a change is read when it has settled`() {
    func files(_ seconds: Int...) -> [PolicyFile] {
      seconds.enumerated().map {
        PolicyFile(name: "f\($0.offset)", bytes: 1, inode: 1, seconds: $0.element, nanoseconds: 0)
      }
    }
    var watch = BundleWatch(files(1))
    let looks = [files(1), files(2), files(3), files(3), files(3), files(3, 4), files(3, 4), []].map { watch.look($0) }
    #expect(looks == [false, false, false, true, false, false, true, false])
  }
}
