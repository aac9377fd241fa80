/// Rows of text in aligned columns.
package struct TextTable {
  private var rows: [[String]] = []

  /// Makes a table with a heading.
  package init(_ heading: [String]) { rows = [heading] }

  /// Adds a row.
  package mutating func add(_ row: [String]) { rows.append(row) }

  /// The rows, with columns aligned: the first to the left, numbers to the right.
  package var text: String {
    let columns = rows.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in
      rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
    }
    return rows.map { row in
      row.enumerated().map { column, cell in
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        return column == 0 ? cell + padding : padding + cell
      }.joined(separator: "  ")
    }.joined(separator: "\n")
  }
}
