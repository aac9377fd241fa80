/// A name from a file as a key of dictionaries and sets: equal only to a name of the same bytes.
///
/// Swift's strings count composed and decomposed accents as equal; file formats and Python don't.
package struct ByteKey: Hashable, Sendable {
  /// The name.
  package let text: String

  /// Wraps a name.
  package init(_ text: some StringProtocol) { self.text = String(text) }

  /// Whether the names have the same UTF-8.
  package static func == (a: ByteKey, b: ByteKey) -> Bool {
    // Swift's own equality is fast, but coarser.
    a.text.utf8.count == b.text.utf8.count && a.text == b.text
      && a.text.utf8.elementsEqual(b.text.utf8)
  }

  /// Feeds the UTF-8 and its end.
  package func hash(into hasher: inout Hasher) {
    var text = text
    text.withUTF8 { unsafe hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    hasher.combine(0xFF as UInt8)
  }
}

extension Dictionary where Key == ByteKey {
  /// The value of a name.
  package subscript(name name: some StringProtocol) -> Value? {
    get { self[ByteKey(name)] }
    set { self[ByteKey(name)] = newValue }
  }
}
