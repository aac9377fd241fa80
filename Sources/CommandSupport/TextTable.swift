internal import TensorBytes

/// Rows of text in aligned columns.
package struct TextTable {
  /// Characters of a cell that are shown.
  private static let cellLimit = 160
  private var rows: [[String]] = []
  private var widths: [Int] = []

  /// Makes a table with a heading.
  package init(_ heading: [String]) { add(heading) }

  /// Adds a row. Cells that a file has made are cut, and never command the terminal.
  package mutating func add(_ row: [String]) {
    let cells = row.map { $0.printable(limit: Self.cellLimit) }
    for (column, cell) in cells.enumerated() {
      if column == widths.count { widths.append(0) }
      widths[column] = max(widths[column], cell.count)
    }
    rows.append(cells)
  }

  /// The rows, with columns aligned: the first to the left, numbers to the right.
  package var lines: some Sequence<String> { rows.lazy.map(line) }

  /// The same as one text.
  package var text: String { lines.joined(separator: "\n") }

  private func line(_ row: [String]) -> String {
    row.enumerated().map { column, cell in
      let padding = String(repeating: " ", count: widths[column] - cell.count)
      return column == 0 ? cell + padding : padding + cell
    }.joined(separator: "  ")
  }
}
