public import JSON

/// What a client offers. Sampling and roots are deprecated and not offered by this platform.
public struct MCPClientCapabilities: Hashable, Sendable {
  /// Asks a person by a form.
  public var elicitationForms: Bool
  /// Sends a person to a web page.
  public var elicitationURLs: Bool
  /// Completes text with a model of its own.
  public var sampling: Bool
  /// Has folders that it shows.
  public var roots: Bool

  /// Makes capabilities.
  public init(
    elicitationForms: Bool = false, elicitationURLs: Bool = false, sampling: Bool = false, roots: Bool = false
  ) {
    self.elicitationForms = elicitationForms
    self.elicitationURLs = elicitationURLs
    self.sampling = sampling
    self.roots = roots
  }

  init(_ object: MCPObject) throws(MCPError) {
    self.init()
    if let elicitation = try object.object("elicitation") {
      elicitationURLs = try elicitation.object("url") != nil
      // Before modes existed, an empty object meant forms.
      elicitationForms = try elicitation.object("form") != nil || !elicitationURLs
    }
    sampling = try object.object("sampling") != nil
    roots = try object.object("roots") != nil
  }

  /// Writes them as an object.
  public func write(to writer: inout JSONWriter) {
    writer.beginObject()
    if elicitationForms || elicitationURLs {
      writer.key("elicitation")
      writer.beginObject()
      if elicitationForms { empty("form", &writer) }
      if elicitationURLs { empty("url", &writer) }
      writer.endObject()
    }
    if sampling { empty("sampling", &writer) }
    if roots { empty("roots", &writer) }
    writer.endObject()
  }

  private func empty(_ name: String, _ writer: inout JSONWriter) {
    writer.key(name)
    writer.beginObject()
    writer.endObject()
  }
}
