internal import TensorBytes
internal import VARModel
package import VARQuant

/// Which format each tensor gets: a table, and what the user wants otherwise.
///
/// The format chosen (`--type`) is for what weighs: the large matrices and convolutions, 98 % of a
/// model. Large embeddings are f16 beside it: that changed the mean KL divergence of a q8 file from
/// its f32 file by less than 1e-6 (of 4.1e-4), and saves up to 2 % of small models. What
/// everything passes through, and what is small, stays f32. `--type f32` keeps all in f32.
package struct ConversionRecipe: Sendable {
  /// Weights of fewer elements than this stay f32.
  package static let smallestLargeWeight = 4096

  /// What a row of the table gives.
  private enum Choice: String {
    case chosen = "as chosen by --type"
    case half = "f16 (f32 with --type f32)"
    case full = "f32"
  }

  /// A row of the table.
  private struct Row: Sendable {
    let tensors: String
    let matches: @Sendable (TensorSpecification) -> Bool
    let choice: Choice
  }

  /// The table; the first row that matches decides.
  private static let rows: [Row] = [
    Row(tensors: "interfaces to pixels, latents and tokens", matches: isInterface, choice: .full),
    Row(
      tensors: "large matrices", matches: { $0.role == .matrix && isLarge($0) }, choice: .chosen),
    Row(
      tensors: "large convolutions, 1×1 included",
      matches: { $0.role == .convolution && isLarge($0) }, choice: .chosen),
    Row(
      tensors: "large embeddings", matches: { $0.role == .embedding && isLarge($0) }, choice: .half),
    Row(
      tensors: "codebook, norms, biases, all that is small", matches: { _ in true }, choice: .full),
  ]

  /// The format of the large matrices and convolutions.
  package let format: TensorFormat
  /// Formats for tensors by name; the last that matches wins.
  package let overrides: [FormatOverride]

  /// Makes a recipe.
  package init(_ format: TensorFormat = .q8, overrides: [FormatOverride] = []) {
    self.format = format
    self.overrides = overrides
  }

  /// The table in words: tensors and their format.
  package static var table: [(tensors: String, format: String)] {
    rows.map { ($0.tensors, $0.choice.rawValue) }
  }

  /// Chooses the format of a tensor whose largest magnitude is `maximum`.
  /// - Throws: ``RecipeError`` if an override asks for what is not possible.
  func choice(for tensor: TensorSpecification, maximum: Float) throws(RecipeError) -> FormatChoice {
    if let override = overrides.last(where: { $0.matches(tensor) }) {
      try Self.check(override, tensor, maximum)
      return FormatChoice(format: override.format, reason: .override(override.text))
    }
    let wanted: TensorFormat =
      switch Self.rows.first(where: { $0.matches(tensor) })?.choice {
      case .chosen: format
      case .half: format == .f32 ? .f32 : .f16
      case .full, nil: .f32
      }
    if !wanted.holds(maximum) { return FormatChoice(format: .f32, reason: .range) }
    if !wanted.suits(shape: tensor.storedShape) {
      let format = maximum > TensorFormat.f16.largestMagnitude ? TensorFormat.f32 : .f16
      return FormatChoice(format: format, reason: .shape)
    }
    return FormatChoice(format: wanted, reason: .table)
  }

  private static func check(
    _ override: FormatOverride, _ tensor: TensorSpecification, _ maximum: Float
  ) throws(RecipeError) {
    if override.format == .q8 && tensor.role != .matrix && tensor.role != .convolution {
      throw .role(tensor: tensor.name, role: tensor.role, override: override.text)
    }
    if !override.format.suits(shape: tensor.storedShape) {
      throw .shape(tensor: tensor.name, shape: tensor.storedShape, override: override.text)
    }
    if !override.format.holds(maximum) {
      throw .range(tensor: tensor.name, maximum: maximum, override: override.text)
    }
  }

  /// Weights through which everything passes from one representation into another, all small.
  private static func isInterface(_ tensor: TensorSpecification) -> Bool {
    let name = tensor.upstreamName
    return name.hasPrefix("word_embed.") || name.hasPrefix("quant_conv.")
      || name.hasPrefix("post_quant_conv.") || name.hasPrefix("quantize.quant_resi.")
      || name.contains(".conv_in.") || name.contains(".conv_out.")
  }

  private static func isLarge(_ tensor: TensorSpecification) -> Bool {
    ((try? Checked.product(of: tensor.upstreamShape)) ?? 0) >= smallestLargeWeight
  }
}

/// The format of one tensor, and why.
struct FormatChoice: Equatable, Sendable {
  enum Reason: Equatable, Sendable {
    /// The recipe's table.
    case table
    /// The user's pattern.
    case override(String)
    /// The values are beyond the range of the table's format.
    case range
    /// The shape does not suit the table's format.
    case shape
  }

  let format: TensorFormat
  let reason: Reason
}

extension TensorFormat {
  /// Whether values of which the largest has this magnitude keep the format's precision.
  func holds(_ maximum: Float) -> Bool {
    maximum == 0 || (smallestMaximum...largestMagnitude).contains(maximum)
  }

  /// Below it even the largest value, or in q8 its block's scale, is a subnormal f16 of few bits.
  private var smallestMaximum: Float {
    switch self {
    case .f32, .bf16: 0
    case .f16: 0x1p-18
    case .q8: 127 * 0x1p-18
    }
  }

  /// Finite values up to this magnitude have a finite encoding.
  var largestMagnitude: Float {
    switch self {
    case .f32: .greatestFiniteMagnitude
    // The largest values that round down to the largest finite number of the format.
    case .f16: Float(65_520).nextDown
    case .bf16: Float(bitPattern: 0x7F7F_7FFF)
    case .q8: 65_504 * 127
    }
  }
}
