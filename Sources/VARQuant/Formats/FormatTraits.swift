/// All that is to be known of a format; one file a format, and a line in ``TensorFormat/allCases``.
///
/// The bytes are defined by `formats/varq-v1.md`.
package protocol FormatTraits: Sendable {
  /// The number that stands for it in a file.
  var id: UInt16 { get }
  /// The number that the kernels know it by, `cvar_format`; a test decodes every format by both.
  var kernelCode: UInt32 { get }
  /// The name that users and metadata know it by, in lower case.
  var name: String { get }
  /// Bits a weight with its share of the scales, for rows of usual length.
  var bitsPerWeight: Double { get }
  /// Neighbours in a row that share a scale, of which a row must have whole blocks; 1 for none.
  var blockSize: Int { get }
  /// Whether only weights of linear layers and convolutions may have it: they are factors of long
  /// sums, in which errors average out.
  var isOnlyForProducts: Bool { get }
  /// Whether its values are integers of at most 8 bits times a scale, as int8 kernels multiply them.
  var isInteger: Bool { get }
  /// Which values it can hold.
  var range: FormatRange { get }
  /// What it costs.
  var accuracy: FormatAccuracy { get }

  /// Where the parts of a tensor [N, K] lie.
  func layout(rows: Int, columns: Int) -> FormatLayout
  /// Begins the encoding of a tensor [N, K].
  func encoder(rows: Int, columns: Int) -> any FormatEncoder
  /// Writes the values of rows of a matrix, [rows.count, K], into a buffer that has room for them.
  /// - Throws: `FileError`, which cannot happen for a matrix of an open ``VarqFile``.
  @unsafe func decode(
    _ matrix: WeightMatrix, rows: Range<Int>, into target: UnsafeMutableBufferPointer<Float>) throws
  /// The first value, scale or padding byte of a matrix that the format forbids.
  /// - Parameter name: of the tensor, for the defect.
  func defect(of matrix: WeightMatrix, named name: String) throws -> ContentDefect?
}

/// Which values a format can hold, by the largest magnitude of a tensor.
package struct FormatRange: Equatable, Sendable {
  /// Below it even the largest value, or the scale of its block, is a subnormal of few bits.
  package let smallestMaximum: Float
  /// Finite values up to this magnitude have a finite encoding.
  package let largestMagnitude: Float
}

/// What storing weights in a format costs, as limits for checks.
package struct FormatAccuracy: Equatable, Sendable {
  /// Least SQNR in dB of a tensor that was converted from its source; weights of another training
  /// step or model stay far below.
  package let leastSQNR: Double
  /// SQNR in dB of trained weights, each rounded for itself; infinite where nothing is lost.
  package let typicalSQNR: Double
  /// Relative error ‖a − b‖/‖b‖ of the residual stream and the logits of a model whose large
  /// matrices have the format, computed in f32, against PyTorch on the original weights.
  package let stream: Double
  /// The same of decoder stages and pictures.
  package let decoder: Double
  /// The same of f̂.
  package let features: Double
  /// Mean KL divergence of a scale's predictions, in nats.
  package let divergence: Double
  /// Share of tokens that agree when nothing is replayed.
  package let agreement: Double
}

/// Where the parts of a tensor lie: the values first, then planes of further bits or scales.
package struct FormatLayout: Equatable, Sendable {
  /// The parts, counted from the tensor's first byte; each begins at a multiple of 64, and what is
  /// between them is zero.
  package let parts: [Range<Int>]

  /// Lays out parts of these sizes in bytes.
  package init(sizes: [Int]) {
    var parts: [Range<Int>] = []
    for size in sizes {
      let start = ((parts.last?.upperBound ?? 0) + 63) & ~63
      parts.append(start..<start + size)
    }
    self.parts = parts
  }

  /// The size of the tensor.
  package var byteCount: Int { parts.last?.upperBound ?? 0 }
}

/// Turns the values of one tensor, which come piece by piece, into bytes.
package protocol FormatEncoder {
  /// What storing them so has cost.
  var statistics: QuantizationStatistics { get }
  /// Encodes the next values, whole blocks; gives the sink bytes that are valid during the call.
  /// - Throws: ``EncodingError`` with the index within the tensor, and what `sink` throws.
  mutating func encode(
    _ values: UnsafeBufferPointer<Float>, _ sink: (UnsafeRawBufferPointer) throws -> Void) throws
  /// Gives the sink what follows the first part.
  mutating func finish(_ sink: (UnsafeRawBufferPointer) throws -> Void) throws
}

extension FormatEncoder {
  /// Nothing follows.
  package mutating func finish(_ sink: (UnsafeRawBufferPointer) throws -> Void) throws {}
}
