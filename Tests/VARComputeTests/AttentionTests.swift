import Foundation
import Testing
import VARCompute

/// max |result − exact| / max |exact|.
private enum Tolerance {
  /// An f16 cache is multiplied in f16 where a level has that, else in f32. PyTorch's attention in
  /// bf16 reaches 4e-3 to 7e-3 on such numbers.
  static func attention(_ storage: KVCache.Storage, _ level: CPULevel) -> Double {
    switch storage {
    case .f32: 3e-6
    case .f16: level == .avx512fp16 ? 4.5e-3 : 2e-3
    }
  }
}

@Suite struct AttentionTests {
  struct Shape: Sendable, CustomStringConvertible {
    let images: Int
    let heads: Int
    let width: Int
    let scales: [Int]  // tokens of each scale
    var description: String { "\(images)×\(heads)×\(width) \(scales)" }
    var tokens: Int { scales.reduce(0, +) }
    var channels: Int { heads * width }
  }

  static let shapes = [
    Shape(images: 1, heads: 1, width: 64, scales: [1]),
    Shape(images: 2, heads: 3, width: 64, scales: [1, 4, 9, 16]),
    Shape(images: 1, heads: 2, width: 16, scales: [30, 40]),
    Shape(images: 2, heads: 4, width: 20, scales: [1, 100, 70]),
    Shape(images: 1, heads: 1, width: 160, scales: [49]),
    Shape(images: 2, heads: 2, width: 7, scales: [3, 12]),
  ]

  /// Scale by scale through the cache, at every level and in every storage.
  @Test(arguments: shapes, [KVCache.Storage.f32, .f16])
  func matchesDouble(shape: Shape, storage: KVCache.Storage) throws {
    for normalized in [true, false] {
      let problem = Problem(shape, normalized)
      let exact = problem.exact()
      for level in CPULevel.available {
        let compute = try Compute(mode: .f32, level: level, threads: 2)
        let error = maximalError(try problem.byScales(compute, storage), exact)
        #expect(error < Tolerance.attention(storage, level), "\(level) normalized \(normalized)")
        if level == .best { print("attention \(shape) \(storage): error \(error)") }
      }
    }
  }

  /// All scales at once under a limit for each query give the same bits as scale by scale.
  @Test(arguments: shapes) func limitsEqualScales(shape: Shape) throws {
    let compute = try Compute(mode: .f32, threads: 2)
    let problem = Problem(shape, true)
    let expected = try problem.byScales(compute, .f32)
    #expect(try problem.atOnce(compute, .f32) == expected)
  }

  @Test func threadsChangeNothing() throws {
    let problem = Problem(Shape(images: 2, heads: 3, width: 64, scales: [60, 100]), true)
    let expected = try problem.byScales(try Compute(mode: .f32, threads: 1), .f16)
    for threads in [2, 5] {
      let result = try problem.byScales(try Compute(mode: .f32, threads: threads), .f16)
      #expect(result == expected)
    }
  }

  /// exp(min(scale, ln 100)).
  @Test func queryFactors() throws {
    guard case .l2(let factors) = QueryScaling.l2Normalized(scaleMul: [0, 1, 50]) else {
      Issue.record("not l2")
      return
    }
    #expect(factors[0] == 1)
    #expect(abs(factors[1] - 2.718_281_8) < 1e-6)
    #expect(abs(factors[2] - 100) < 1e-4)
  }
}

/// Attention over tokens of several scales, each of which sees itself and all before it.
private struct Problem {
  let shape: AttentionTests.Shape
  let scaling: QueryScaling
  let factors: [Float]?
  let plain: Float
  let qkv: [Float]  // [images, tokens, 3, heads, c]

  init(_ shape: AttentionTests.Shape, _ normalized: Bool) {
    var numbers = Numbers(seed: 7)
    self.shape = shape
    qkv = numbers.array(shape.images * shape.tokens * 3 * shape.channels)
    let factors = (0..<shape.heads).map { Float(4 + 3 * $0) }
    plain = 0.25 / Float(shape.width).squareRoot()
    self.factors = normalized ? factors : nil
    scaling = normalized ? .l2(factors: FloatVector(factors)) : .plain(factor: plain)
  }

  /// Rows of tokens `range` of all images.
  private func rows(_ range: Range<Int>) throws -> FloatMatrix {
    let row = 3 * shape.channels
    let values = (0..<shape.images).flatMap { image in
      qkv[
        (image * shape.tokens + range.lowerBound) * row..<(image * shape.tokens + range.upperBound)
          * row]
    }
    return try FloatBuffer(values).matrix(rows: shape.images * range.count, columns: row)
  }

  private func cache(_ storage: KVCache.Storage) throws -> KVCache {
    try KVCache(
      images: shape.images, heads: shape.heads, tokens: shape.tokens, headWidth: shape.width,
      storage: storage)
  }

  func byScales(_ compute: Compute, _ storage: KVCache.Storage) throws -> [Float] {
    let cache = try cache(storage)
    let channels = shape.channels
    var output = [Float](repeating: .nan, count: shape.images * shape.tokens * channels)
    var position = 0
    for count in shape.scales {
      let input = try rows(position..<position + count)
      try compute.append(input, to: cache, at: position, scaling: scaling)
      let result = try FloatBuffer(count: input.rows * channels)
      try compute.attention(
        input.columns(0..<channels), over: cache, keys: position + count,
        into: result.matrix(rows: input.rows, columns: channels))
      for (row, image) in (0..<shape.images).map({ ($0 * count, $0) }) {
        let target = (image * shape.tokens + position) * channels
        output.replaceSubrange(
          target..<target + count * channels,
          with: result.array(row * channels..<(row + count) * channels))
      }
      position += count
    }
    return output
  }

  func atOnce(_ compute: Compute, _ storage: KVCache.Storage) throws -> [Float] {
    let cache = try cache(storage)
    let input = try rows(0..<shape.tokens)
    try compute.append(input, to: cache, at: 0, scaling: scaling)
    let result = try FloatBuffer(count: input.rows * shape.channels)
    try compute.attention(
      input.columns(0..<shape.channels), over: cache, keys: shape.tokens,
      limits: limits().map(Int32.init),
      into: result.matrix(rows: input.rows, columns: shape.channels))
    return result.array()
  }

  /// For each token, the end of its scale.
  private func limits() -> [Int] {
    var end = 0
    return shape.scales.flatMap { count in
      end += count
      return [Int](repeating: end, count: count)
    }
  }

  private func vector(_ image: Int, _ token: Int, _ part: Int, _ head: Int) -> [Double] {
    let start =
      ((image * shape.tokens + token) * 3 + part) * shape.channels + head * shape.width
    return qkv[start..<start + shape.width].map(Double.init)
  }

  private func prepared(_ x: [Double], _ factor: Double) -> [Double] {
    guard factors != nil else { return x.map { $0 * factor } }
    let length = max(x.reduce(0) { $0 + $1 * $1 }.squareRoot(), 1e-12)
    return x.map { $0 * factor / length }
  }

  func exact() -> [Double] {
    let limits = limits()
    var output = [Double](repeating: 0, count: shape.images * shape.tokens * shape.channels)
    for image in 0..<shape.images {
      for head in 0..<shape.heads {
        let factor = Double(factors?[head] ?? plain)
        let keys = (0..<shape.tokens).map { token in
          let key = vector(image, token, 1, head)
          return factors == nil ? key : prepared(key, 1)
        }
        for token in 0..<shape.tokens {
          let query = prepared(vector(image, token, 0, head), factor)
          let scores = keys[..<limits[token]].map { zip($0, query).reduce(0) { $0 + $1.0 * $1.1 } }
          let top = scores.max() ?? 0
          let weights = scores.map { exp($0 - top) }
          let sum = weights.reduce(0, +)
          for (other, weight) in weights.enumerated() {
            let value = vector(image, other, 2, head)
            let start = (image * shape.tokens + token) * shape.channels + head * shape.width
            for i in 0..<shape.width { output[start + i] += weight / sum * value[i] }
          }
        }
      }
    }
    return output
  }
}
