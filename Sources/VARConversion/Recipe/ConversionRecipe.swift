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
    Row(tensors: "interfaces to pixels, latents and tokens", matches: { $0.isInterface }, choice: .full),
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
    if !tensor.role.allows(override.format) {
      throw .role(tensor: tensor.name, role: tensor.role, override: override.text)
    }
    if !override.format.suits(shape: tensor.storedShape) {
      throw .shape(tensor: tensor.name, shape: tensor.storedShape, override: override.text)
    }
    if !override.format.holds(maximum) {
      throw .range(tensor: tensor.name, maximum: maximum, override: override.text)
    }
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
