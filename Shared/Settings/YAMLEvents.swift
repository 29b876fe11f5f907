internal import CYAML

/// The events of libyaml as Swift values. Owns the parser; every event is freed before the next one is asked for.
struct YAMLEvents: ~Copyable {
  /// A place in the text, counted from one.
  struct Mark: Equatable { let line: Int, column: Int }

  /// What the text says next.
  enum Event: Equatable {
    case streamStart, streamEnd, documentStart, documentEnd
    case alias
    case scalar(text: String, isQuoted: Bool)
    case listStart, listEnd, mapStart, mapEnd
  }

  /// An event, its place, and the decorations that configuration files may not use.
  struct Item: Equatable {
    let event: Event
    let mark: Mark
    var hasAnchor = false
    var hasTag = false
  }

  /// Text that is not YAML.
  struct SyntaxError: Error { let message: String, mark: Mark }

  private let parser: UnsafeMutablePointer<yaml_parser_t>

  /// Reads UTF-8 bytes, which must outlive this value; `nil` when memory is short.
  init?(_ bytes: UnsafeBufferPointer<UInt8>) {
    let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
    guard yaml_parser_initialize(parser) == 1 else {
      parser.deallocate()
      return nil
    }
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
    yaml_parser_set_input_string(parser, bytes.baseAddress, bytes.count)
    self.parser = parser
  }

  deinit {
    yaml_parser_delete(parser)
    parser.deallocate()
  }

  /// The next event. After `streamEnd` or an error nothing more may be asked for.
  mutating func next() throws(SyntaxError) -> Item {
    var event = yaml_event_t()
    guard yaml_parser_parse(parser, &event) == 1 else { throw failure() }
    defer { yaml_event_delete(&event) }
    let mark = Self.mark(event.start_mark)
    switch event.type {
    case YAML_STREAM_START_EVENT: return Item(event: .streamStart, mark: mark)
    case YAML_DOCUMENT_START_EVENT: return Item(event: .documentStart, mark: mark)
    case YAML_DOCUMENT_END_EVENT: return Item(event: .documentEnd, mark: mark)
    case YAML_ALIAS_EVENT: return Item(event: .alias, mark: mark)
    case YAML_SCALAR_EVENT:
      let scalar = event.data.scalar
      let text = String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
      return Item(
        event: .scalar(text: text, isQuoted: scalar.style != YAML_PLAIN_SCALAR_STYLE), mark: mark,
        hasAnchor: scalar.anchor != nil, hasTag: scalar.tag != nil)
    case YAML_SEQUENCE_START_EVENT:
      let list = event.data.sequence_start
      return Item(event: .listStart, mark: mark, hasAnchor: list.anchor != nil, hasTag: list.tag != nil)
    case YAML_SEQUENCE_END_EVENT: return Item(event: .listEnd, mark: mark)
    case YAML_MAPPING_START_EVENT:
      let map = event.data.mapping_start
      return Item(event: .mapStart, mark: mark, hasAnchor: map.anchor != nil, hasTag: map.tag != nil)
    case YAML_MAPPING_END_EVENT: return Item(event: .mapEnd, mark: mark)
    default: return Item(event: .streamEnd, mark: mark)
    }
  }

  private func failure() -> SyntaxError {
    if parser.pointee.error == YAML_MEMORY_ERROR {
      return SyntaxError(message: "out of memory", mark: Mark(line: 1, column: 1))
    }
    var message = parser.pointee.problem.map { String(cString: $0) } ?? "not understood"
    if let context = parser.pointee.context { message += " (\(String(cString: context)))" }
    return SyntaxError(message: message, mark: Self.mark(parser.pointee.problem_mark))
  }

  private static func mark(_ mark: yaml_mark_t) -> Mark {
    Mark(line: Int(clamping: mark.line) &+ 1, column: Int(clamping: mark.column) &+ 1)
  }
}
