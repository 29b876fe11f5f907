internal import APIKit
internal import Artefacts
internal import Contracts
internal import HTTP
internal import HTTPWire
internal import Primitives

/// The answer that holds a file, or a range of it. Whatever a file holds and is called, no browser shows it as a page
/// of ours.
struct ArtefactDownload: Sendable {
  let blobs: BlobStore
  let tenant: TenantID

  /// The answer to a request for a file.
  func response(_ request: HTTPRequest, _ row: ArtefactRow) throws(Problem) -> HTTPResponse {
    let tag = "\"\(row.digest)\""
    if let known = request.headers[.ifNoneMatch], ArtefactDownload.names(known, tag) {
      var response = HTTPResponse(.notModified)
      response.headers.append(.eTag, tag)
      return response
    }
    let range = try ArtefactDownload.range(request.headers, tag: tag, bytes: row.bytes)
    let part = range ?? 0..<row.bytes
    var response = HTTPResponse(
      range == nil ? .ok : .partialContent,
      body: part.isEmpty
        ? .empty
        : .stream(length: UInt64(part.count)) { [blobs, tenant] writer in
          try await ArtefactDownload.send(part, of: row, tenant, blobs, &writer)
        })
    response.headers.append(.contentType, MediaType.ofDownload(row.mediaType))
    response.headers.append(.contentDisposition, ArtefactDownload.disposition(row.name))
    response.headers.append(.xContentTypeOptions, "nosniff")
    response.headers.append(.contentSecurityPolicy, "default-src 'none'; sandbox")
    response.headers.append(.cacheControl, "private, no-cache")
    response.headers.append(.eTag, tag)
    response.headers.append("accept-ranges", "bytes")
    if let range {
      response.headers.append("content-range", "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(row.bytes)")
    }
    return response
  }

  /// Sends one piece after the other: no more than one is in memory.
  private static func send(
    _ part: Range<Int64>, of row: ArtefactRow, _ tenant: TenantID, _ blobs: BlobStore,
    _ writer: inout HTTPResponseWriter
  ) async throws {
    let length = Int64(BlobStore.pieceBytes)
    var at = part.lowerBound
    while at < part.upperBound {
      let place = at / length
      guard let piece = try await blobs.piece(tenant, row.blob, Int32(clamping: place)) else {
        // The connection ends before its length: a reader notices.
        throw Problem(.contentRemoved)
      }
      let start = place * length
      let from = Int(at - start)
      let to = Int(min(Int64(piece.count), part.upperBound - start))
      guard from < to else { throw Problem(.contentRemoved) }
      try await writer.write(from == 0 && to == piece.count ? piece : Array(piece[from..<to]))
      at = start + Int64(to)
    }
  }

  private static func names(_ field: String, _ tag: String) -> Bool {
    field == "*"
      || field.split(separator: ",").contains { entry in
        let entry = entry.filter { $0 != " " }
        return entry == tag || entry == "W/" + tag
      }
  }

  /// The single range that is asked for; `nil` for all of it. A form that is not known, and several ranges, ask for all
  /// of it. Throws a 416 `Problem`.
  static func range(_ headers: HTTPHeaders, tag: String, bytes: Int64) throws(Problem) -> Range<Int64>? {
    guard let field = headers[.range], field.hasPrefix("bytes=") else { return nil }
    if let condition = headers["if-range"], condition != tag { return nil }
    let parts = field.dropFirst(6).split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 2, parts.allSatisfy({ $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }) else { return nil }
    let range: Range<Int64>
    switch (Int64(parts[0]), Int64(parts[1])) {
    case (let first?, nil) where parts[1].isEmpty: range = first..<max(first, bytes)
    case (let first?, let last?):
      guard first <= last else { return nil }
      range = first..<max(first, min(last, bytes - 1) + 1)
    case (nil, let count?) where parts[0].isEmpty: range = max(0, bytes - count)..<bytes
    default: return nil
    }
    guard !range.isEmpty else {
      var headers = HTTPHeaders()
      headers.append("content-range", "bytes */\(bytes)")
      throw Problem(.rangeNotSatisfiable, headers: headers)
    }
    return range
  }

  /// `attachment` with the last segment of the name: in ASCII for old readers, and as it is (RFC 8187).
  static func disposition(_ name: String) -> String {
    let segment = name.split(separator: "/").last ?? "file"
    let plain = String(
      String.UnicodeScalarView(
        segment.unicodeScalars.prefix(100).map { scalar in
          let isPlain =
            ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || ("0"..."9").contains(scalar)
            || "._-".unicodeScalars.contains(scalar)
          return isPlain ? scalar : "_"
        }))
    return "attachment; filename=\"\(plain)\"; filename*=UTF-8''\(PercentEncoding.encode(String(segment)))"
  }
}
