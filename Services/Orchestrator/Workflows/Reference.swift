public import JSON

/// A place in what a run knows: `input.title`, `steps.plan.output.tasks[0]`, `item`, `index`, `run.id`.
public struct Reference: Hashable, Sendable {
  /// Where a reference begins.
  public enum Root: Hashable, Sendable {
    /// The run's input.
    case input
    /// The element of the list that this instance of a fan-out is for.
    case item
    /// The position of that element, from 0.
    case index
    /// The id of the run.
    case run
    /// What the step delivered; of a fan-out the list of what its instances delivered.
    case output(step: String)
    /// What the steps of a plan delivered, by their keys.
    case parts(step: String)
    /// Why the step failed: `code` and `message`; `null` when it did not.
    case failure(step: String)
  }

  /// One step of the way from the root.
  public enum Segment: Hashable, Sendable {
    /// A member of an object.
    case member(String)
    /// An element of a list, from 0.
    case element(Int)
  }

  /// Longest reference in bytes.
  public static let bytesMax = 500
  private static let segmentsMax = 32

  /// Where it begins.
  public let root: Root
  /// The way from there.
  public let path: [Segment]

  /// Reads the written form; `nil` when it is malformed.
  public init?(_ text: String) {
    guard text.utf8.count <= Reference.bytesMax, text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }),
      let segments = Reference.segments(text),
      case .member(let first)? = segments.first
    else { return nil }
    switch first {
    case "input": (root, path) = (.input, Array(segments.dropFirst()))
    case "item": (root, path) = (.item, Array(segments.dropFirst()))
    case "index":
      guard segments.count == 1 else { return nil }
      (root, path) = (.index, [])
    case "run":
      guard segments == [.member("run"), .member("id")] else { return nil }
      (root, path) = (.run, [])
    case "steps":
      guard segments.count >= 3, case .member(let step) = segments[1], case .member(let aspect) = segments[2] else {
        return nil
      }
      path = Array(segments.dropFirst(3))
      switch aspect {
      case "output": root = .output(step: step)
      case "steps": root = .parts(step: step)
      case "failure": root = .failure(step: step)
      default: return nil
      }
    default: return nil
    }
  }

  /// The step that it reads from.
  public var step: String? {
    switch root {
    case .output(let step), .parts(let step), .failure(let step): step
    case .input, .item, .index, .run: nil
    }
  }

  /// What stands there; `nil` for nothing.
  public func follow(from view: JSONView) -> JSONView? {
    var view = view
    for segment in path {
      let next =
        switch segment {
        case .member(let name): view[name]
        case .element(let position): view[position]
        }
      guard let next else { return nil }
      view = next
    }
    return view
  }

  private static func segments(_ text: String) -> [Segment]? {
    var segments: [Segment] = []
    for part in text.split(separator: ".", omittingEmptySubsequences: false) {
      var rest = part[...]
      let name = rest.prefix { $0 != "[" }
      guard !name.isEmpty, name.allSatisfy({ $0 != "]" && $0 != " " && $0 != "{" && $0 != "}" }) else { return nil }
      segments.append(.member(String(name)))
      rest = rest.dropFirst(name.count)
      while !rest.isEmpty {
        guard rest.first == "[", let end = rest.firstIndex(of: "]"),
          let position = Int(rest[rest.index(after: rest.startIndex)..<end]), position >= 0
        else { return nil }
        segments.append(.element(position))
        rest = rest[rest.index(after: end)...]
      }
      guard segments.count <= segmentsMax else { return nil }
    }
    return segments
  }
}
