import Contracts
import Glibc
import HTTPWire
import Testing

@Suite struct ProblemCatalogTests {
  @Test func `codes are names, each once`() {
    let names = ProblemCatalog.codes.map(\.name)
    #expect(names.count > 100)
    #expect(Set(names).count == names.count)
    for name in names {
      #expect(name.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 95 }, "\(name)")
      #expect(ProblemCatalog.code(named: name)?.name == name)
    }
    #expect(ProblemCatalog.code(named: "nothing_of_the_kind") == nil)
  }

  @Test func `every code has a status of an error and two sentences`() {
    for code in ProblemCatalog.codes {
      #expect(code.statuses.allSatisfy { (400...599).contains($0.code) }, "\(code.name)")
      #expect(Set(code.statuses).count == code.statuses.count, "\(code.name)")
      for sentence in [code.meaning, code.remedy] {
        #expect(
          sentence.hasSuffix(".") && sentence.first?.isUppercase ?? false || sentence.hasPrefix("`"), "\(sentence)")
        #expect(!sentence.contains("|") && !sentence.contains("\n"), "\(sentence)")
      }
    }
  }

  /// With `CADRE_WRITE_DOCS=1` the test writes the document instead.
  @Test func `docs/errors.md is the catalogue`() throws {
    let folder = try #require(#filePath.range(of: "/Tests/ContractsTests").map { String(#filePath[..<$0.lowerBound]) })
    let path = folder + "/docs/errors.md"
    let document = ProblemCatalog.document()
    if getenv("CADRE_WRITE_DOCS") != nil {
      let file = try #require(fopen(path, "w"))
      #expect(fputs(document, file) >= 0)
      fclose(file)
    }
    let file = try #require(fopen(path, "r"), "docs/errors.md is missing; `make docs` writes it")
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let count = fread(&bytes, 1, bytes.count, file)
    #expect(String(decoding: bytes.prefix(count), as: UTF8.self) == document, "`make docs` writes it anew")
  }
}

extension String {
  fileprivate func range(of text: String) -> Range<String.Index>? { firstRange(of: text) }
}
