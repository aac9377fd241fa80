package import VARCore

/// The tokens that an edit kept, as part of a ``PictureRecord``.
package struct EditRecord: Codable, Equatable, Sendable {
  /// The picture's tokens.
  package var tokens: TokenMaps
  /// A row a string: `#` where the picture was kept, `.` where something was generated.
  package var keep: [String]
  /// Whether the original's pixels were put back; they are not recorded.
  package var isComposite: Bool?
  /// Which coarse tokens were kept; nil for the official rule.
  package var rule: KeepRule?
  /// The first scale that was drawn; nil for the first of all.
  package var firstScale: Int?

  private enum CodingKeys: String, CodingKey {
    case tokens
    case keep
    case isComposite = "composite"
    case rule
    case firstScale = "from_scale"
  }

  /// Records an edit.
  package init(_ edit: PictureEdit) {
    isComposite = edit.isComposite ? true : nil
    rule = edit.tokens.rule == .official ? nil : edit.tokens.rule
    firstScale = edit.tokens.firstScale == 0 ? nil : edit.tokens.firstScale
    tokens = edit.tokens.tokens
    let mask = edit.tokens.mask
    keep = (0..<mask.side).map { row in
      String(mask.generated[row * mask.side..<(row + 1) * mask.side].map { $0 ? "." : "#" })
    }
  }

  /// The edit; the generator checks it against the model.
  /// - Parameter path: the picture that tells of it.
  /// - Throws: ``PictureRecordError/malformed(path:)`` if the rows don't make a square.
  package func edit(_ path: String) throws(PictureRecordError) -> PictureEdit {
    let side = keep.count
    let generated = keep.flatMap { row in row.map { $0 == "." } }
    guard keep.allSatisfy({ $0.count == side }),
      let mask = EditMask(side: side, generated: generated)
    else { throw .malformed(path: path) }
    let firstScale = firstScale ?? 0
    guard (0..<keep.count + 1).contains(firstScale) else { throw .malformed(path: path) }
    return PictureEdit(
      TokenEdit(tokens: tokens, mask: mask, rule: rule ?? .official, firstScale: firstScale))
  }
}
