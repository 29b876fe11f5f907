public import HTTP
public import JSON

extension HTTPResponse {
  /// Bytes after which a page of a list ends, although it has fewer rows than were asked for.
  static let pageBytesMax = 4 << 20

  /// A page of a list. `rows` holds one row more than `limit` when there is another page; `cut` is where that begins
  /// when rows that do not fit were in the way.
  @inlinable
  public static func page<Row>(
    _ name: String, _ rows: [Row], limit: Int, cut: String? = nil, cursor: (Row) -> String,
    _ write: (Row, inout JSONWriter) -> Void
  ) -> HTTPResponse {
    .json { writer in
      writer.key(name)
      writer.beginArray()
      var written = 0
      for row in rows.prefix(limit) {
        if written > 0, HTTPResponse.isFull(writer) { break }
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

  @usableFromInline
  static func isFull(_ writer: JSONWriter) -> Bool { writer.bytes.count > pageBytesMax }
}
