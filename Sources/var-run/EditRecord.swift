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

  /// The edit; nil if the rows don't make a square. The generator checks it against the model.
  var edit: Edit? {
    let side = keep.count
    let generate = keep.flatMap { $0.map { $0 == "." ? 1 : 0 as Float } }
    return EditMask(generate: generate, height: side, width: side, side: side).map {
      Edit(tokens: TokenMaps(tokens), mask: $0)
    }
  }
}
