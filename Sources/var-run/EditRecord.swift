import VARCore

/// The tokens that an edit kept, as part of a ``PictureRecord``.
struct EditRecord: Codable, Equatable {
  /// The picture's tokens, [scale][position].
  var tokens: [[Int32]]
  /// A row a string: `#` where the picture was kept, `.` where something was generated.
  var keep: [String]

  /// Whether the original's pixels were put back; they are not recorded.
  var isComposite: Bool?

  private enum CodingKeys: String, CodingKey {
    case tokens
    case keep
    case isComposite = "composite"
  }

  /// Records an edit.
  init(_ edit: Edit, isComposite: Bool) {
    self.isComposite = isComposite ? true : nil
    tokens = edit.tokens.scales
    let side = edit.mask.side
    keep = (0..<side).map { row in
      String(edit.mask.keep[row * side..<(row + 1) * side].map { $0 == 0 ? "." : "#" })
    }
  }

  /// The edit; the generator checks it against the model.
  /// - Parameter path: the picture that tells of it.
  /// - Throws: ``PictureRecordError/malformed(path:)`` if the rows don't make a square.
  func edit(_ path: String) throws(PictureRecordError) -> Edit {
    let side = keep.count
    let generate = keep.flatMap { $0.map { $0 == "." ? 1 : 0 as Float } }
    guard keep.allSatisfy({ $0.count == side }),
      let mask = EditMask(generate: generate, height: side, width: side, side: side)
    else { throw .malformed(path: path) }
    return Edit(tokens: TokenMaps(tokens), mask: mask)
  }
}
