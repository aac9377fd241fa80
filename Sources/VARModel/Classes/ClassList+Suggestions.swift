extension ClassList {
  /// Suggestions in one message.
  private static let limit = 3

  /// The names that resemble a misspelt one, the closest first.
  func suggestions(for text: String) -> [String] {
    let wanted = Array(Self.normalize(text))
    let ranked = candidates.enumerated().map { order, name in
      (distance: distance(wanted, Array(Self.normalize(name))), order: order, name: name)
    }
    let best = ranked.map(\.distance).min() ?? 0
    let close = ranked.filter { $0.distance <= min(best + 1, max(2, wanted.count / 2)) }
    return close.sorted { ($0.distance, $0.order) < ($1.distance, $1.order) }
      .prefix(Self.limit).map(\.name)
  }

  /// Insertions, deletions and substitutions between two names; nothing for a part of the name.
  private func distance(_ wanted: [Character], _ name: [Character]) -> Int {
    if wanted.count >= 3, contains(name, wanted) { return 0 }
    var row = Array(0...name.count)
    for (index, character) in wanted.enumerated() {
      var diagonal = row[0]
      row[0] = index + 1
      for column in name.indices {
        let substituted = diagonal + (name[column] == character ? 0 : 1)
        diagonal = row[column + 1]
        row[column + 1] = min(substituted, row[column] + 1, diagonal + 1)
      }
    }
    return row[name.count]
  }

  private func contains(_ name: [Character], _ part: [Character]) -> Bool {
    name.indices.contains { name[$0...].starts(with: part) }
  }
}
