internal import TensorBytes
internal import VARModel

/// Gathers the facts of a tensor whose elements come piece by piece.
struct FactCollector {
  /// Rows of fewer weights may be constant, or have a stray one, by chance.
  private static let leastColumns = 64
  /// How many times the mean magnitude of its row a weight must be to be a stray one.
  private static let strayTimes: Float = 1000

  /// Weights of an output, if the tensor is a factor of products.
  private let columns: Int?
  private var largest: UInt32 = 0
  private var row = RowFacts()
  private var rowIndex = 0
  private var constantRows = (first: 0, count: 0)
  private var stray: WeightOddity?

  init(_ specification: TensorSpecification) {
    let isFactor = specification.role == .matrix || specification.role == .convolution
    columns =
      isFactor ? try? Checked.product(of: Array(specification.upstreamShape.dropFirst())) : nil
  }

  /// The facts of all elements so far.
  var facts: TensorFacts {
    TensorFacts(largestMagnitude: Float(bitPattern: largest), oddity: oddity)
  }

  private var oddity: WeightOddity? {
    if columns == nil { return nil }
    if largest == 0 { return .allZero }
    if let stray { return stray }
    return constantRows.count > 0
      ? .constantRows(first: constantRows.first, count: constantRows.count) : nil
  }

  /// Takes in the next elements as the checkpoint has them; `buffer` is room for the values of some.
  mutating func add(
    _ elements: UnsafeRawBufferPointer, _ type: ElementType,
    _ buffer: UnsafeMutableBufferPointer<Float>
  ) {
    let width = type.byteWidth
    for range in (0..<elements.count).pieces(of: buffer.count * width) {
      let count = unsafe type.convertToFloats(
        UnsafeRawBufferPointer(rebasing: elements[range]), into: buffer)
      unsafe add(UnsafeBufferPointer(rebasing: buffer[..<count]))
    }
  }

  /// Takes in the next values.
  mutating func add(_ values: UnsafeBufferPointer<Float>) {
    if let columns, columns >= Self.leastColumns, unsafe addRows(values, columns) { return }
    var largest = largest
    for index in 0..<values.count {
      // Magnitudes are ordered like their bits; infinity and NaN come after all finite ones.
      largest = max(largest, unsafe values[index].bitPattern & 0x7FFF_FFFF)
    }
    self.largest = largest
  }

  /// Whether all values were finite, so that their rows tell the largest magnitude too.
  private mutating func addRows(_ values: UnsafeBufferPointer<Float>, _ columns: Int) -> Bool {
    var start = 0
    var isFinite = true
    while start < values.count {
      let end = min(values.count, start + columns - row.count)
      unsafe row.add(UnsafeBufferPointer(rebasing: values[start..<end]))
      isFinite = isFinite && row.sum.isFinite
      largest = max(largest, row.largest.bitPattern & 0x7FFF_FFFF)
      start = end
      if row.count == columns { finishRow() }
    }
    return isFinite
  }

  private mutating func finishRow() {
    if row.lowest == row.highest {
      if constantRows.count == 0 { constantRows.first = rowIndex }
      constantRows.count += 1
    } else if stray == nil {
      let others = (row.sum - Double(row.largest)) / Double(row.count - 1)
      let times = row.largest / Float(others)
      if times > Self.strayTimes {
        stray = .stray(row: rowIndex, column: row.largestColumn, times: times)
      }
    }
    row = RowFacts()
    rowIndex += 1
  }
}

/// What is known of a row, of which some weights have come.
private struct RowFacts {
  private(set) var count = 0
  private(set) var lowest = Float.infinity
  private(set) var highest = -Float.infinity
  /// Of the magnitudes.
  private(set) var sum = 0.0
  private(set) var largestColumn = 0

  /// The largest magnitude.
  var largest: Float { max(highest, -lowest) }

  mutating func add(_ values: UnsafeBufferPointer<Float>) {
    typealias Lanes = SIMD16<Float>
    var low = Lanes(repeating: lowest)
    var high = Lanes(repeating: highest)
    var total = Lanes(repeating: 0)
    let whole = values.count / Lanes.scalarCount * Lanes.scalarCount
    let bytes = UnsafeRawBufferPointer(values)
    for index in stride(from: 0, to: whole, by: Lanes.scalarCount) {
      let lanes = unsafe bytes.loadUnaligned(fromByteOffset: 4 * index, as: Lanes.self)
      low.replace(with: lanes, where: lanes .< low)
      high.replace(with: lanes, where: lanes .> high)
      total += unsafe unsafeBitCast(
        unsafeBitCast(lanes, to: SIMD16<UInt32>.self) & 0x7FFF_FFFF, to: Lanes.self)
    }
    var sum = Double(total.sum())
    var lowest = low.min()
    var highest = high.max()
    for index in whole..<values.count {
      let value = unsafe values[index]
      lowest = min(lowest, value)
      highest = max(highest, value)
      sum += Double(abs(value))
    }
    let before = largest
    (self.lowest, self.highest) = (lowest, highest)
    self.sum += sum
    if largest > before, let column = unsafe values.firstIndex(where: { abs($0) == largest }) {
      largestColumn = count + column
    }
    count += values.count
  }
}
