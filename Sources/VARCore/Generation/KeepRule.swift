/// Which coarse tokens an edit keeps, of those that lie on kept and generated parts alike.
public enum KeepRule: String, Codable, Sendable, CaseIterable {
  /// The official recipe: where more than half is kept, by bilinear interpolation between tokens.
  case official
  /// Whatever touches the kept part: its colours and shapes stay, and reach into what is generated.
  case touched
  /// What lies wholly in the kept part: what is generated is free, what is kept may change its colours.
  case strict

  /// The rule where none is asked for: what touches, by measurement (docs/edit.md); the official one
  /// where something of another class is put into a picture, whose colours it is not to have.
  package static func usual(ofClass isOfClass: Bool) -> KeepRule {
    isOfClass ? .official : .touched
  }
}

extension EditMask {
  /// What is generated at the size of one scale.
  ///
  /// A map of one token is always kept (official recipe), and the last map is the mask itself.
  package func generated(atSide target: Int, _ rule: KeepRule) -> [Bool] {
    if rule == .official || target == side { return generated(atSide: target) }
    if target == 1 { return [false] }
    return (0..<target * target).map { index in
      let (row, column) = index.quotientAndRemainder(dividingBy: target)
      let rows = Resampling.window(row, side, target)
      let columns = Resampling.window(column, side, target)
      var kept = 0
      for y in rows { for x in columns where !generated[y * side + x] { kept += 1 } }
      return rule == .touched ? kept == 0 : kept < rows.count * columns.count
    }
  }
}
