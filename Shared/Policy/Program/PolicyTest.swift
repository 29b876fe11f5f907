/// A rule that is a test: its name begins with `test_`, and it holds when the test passes.
public struct PolicyTest: Hashable, Sendable {
  /// Its path below `data`.
  public let path: [String]
  /// The file.
  public let file: String
  /// Where its first definition begins.
  public let place: PolicyPlace

  /// `data.package.test_name`.
  public var name: String { "data." + path.joined(separator: ".") }
}

extension PolicyProgram {
  /// All tests, by file and place. Rules whose name begins with `todo_test_` are none.
  public var tests: [PolicyTest] {
    groups.compactMap { group -> PolicyTest? in
      guard group.kind == .complete, group.path.last?.hasPrefix("test_") == true,
        let first = group.definitions.first
      else { return nil }
      return PolicyTest(path: Array(group.path.dropFirst()), file: first.file, place: first.place)
    }.sorted { left, right in
      left.file == right.file ? left.place.line < right.place.line : left.file < right.file
    }
  }

  /// The first expression of a test that has not held, after an evaluation that was measured.
  public func unmetExpression(of test: PolicyTest, _ coverage: PolicyCoverage) -> CoveragePoint? {
    let path = ["data"] + test.path
    guard let definition = groups.first(where: { $0.path == path })?.definitions.first else { return nil }
    for index in definition.points where points.indices.contains(index) && coverage.isReached.indices.contains(index) {
      if points[index].depth == 0, points[index].kind == .expression, !coverage.isReached[index] {
        return points[index]
      }
    }
    return nil
  }

  /// Everything that is wrong with modules: the faults of syntax of each of them, or the first of all together.
  public static func faults(of modules: [(file: String, text: [UInt8])]) -> [PolicyError] {
    var faults: [PolicyError] = []
    for (file, text) in modules {
      do throws(PolicyError) { _ = try Parser.module(text, file: file) } catch { faults.append(error) }
    }
    guard faults.isEmpty else { return faults }
    do throws(PolicyError) { _ = try PolicyProgram(modules) } catch { faults.append(error) }
    return faults
  }
}
