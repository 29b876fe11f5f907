internal import HTTPWire

/// Operations that the gateway answers itself.
enum EdgeOperations {
  static let all: [(String, Operation)] = [
    (
      "GET /openapi.json",
      Operation("getOpenAPI", "Reference").header("If-None-Match", .text(), "The `ETag` of a known document.")
        .answers(.ok, .free, headers: ["ETag"])
        .answersNothing("The document is known.", .notModified, headers: ["ETag"])
    ),
    (
      "GET /reference",
      Operation("getReference", "Reference").header("If-None-Match", .text(), "The `ETag` of a known page.")
        .answers(.ok, types: [("text/html", .text())], "A page for people.", headers: ["ETag"])
        .answersNothing("The page is known.", .notModified, headers: ["ETag"])
    ),
    (
      "GET /reference/{file}",
      Operation("getReferenceFile", "Reference").header("If-None-Match", .text(), "The `ETag` of a known file.")
        .answers(
          .ok, types: [("text/css", .text()), ("text/javascript", .text())], "A file of the page.", headers: ["ETag"]
        )
        .answersNothing("The file is known.", .notModified, headers: ["ETag"])
    ),
  ]
}
