internal import HTTP
internal import HTTPWire
internal import JSON
internal import Workflows

extension HTTPResponse {
  /// Bytes after which a page of a list ends, although it has fewer rows than were asked for.
  private static let pageBytesMax = 4 << 20

  /// A page of a list. `rows` holds one row more than `limit` when there is another page; `cut` is where that begins
  /// when rows that do not fit were in the way.
  static func page<Row>(
    _ name: String, _ rows: [Row], limit: Int, cut: String? = nil, cursor: (Row) -> String,
    _ write: (Row, inout JSONWriter) -> Void
  ) -> HTTPResponse {
    .json { writer in
      writer.key(name)
      writer.beginArray()
      var written = 0
      for row in rows.prefix(limit) {
        if written > 0, writer.bytes.count > pageBytesMax { break }
        writer.beginObject()
        write(row, &writer)
        writer.endObject()
        written += 1
      }
      writer.endArray()
      let isMore = written > 0 && written < rows.count
      writer.member("next_cursor", orNull: isMore ? cursor(rows[written - 1]) : cut)
    }
  }
}

extension JSONLimits {
  /// Bodies from outside. What is stored of them is read again within other documents, so that it must not be nested as
  /// deeply as these may be.
  static let submitted = JSONLimits(depthMax: Template.renderedDepthMax + 1)
}
