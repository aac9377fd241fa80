internal import TensorBytes
internal import VARModel
package import VARQuant

/// Which format each tensor gets: a pure function of what the tensor is and what a survey found.
///
/// A table, and what the user wants otherwise. What is chosen, one format or several by rules, is for
/// what weighs: the large matrices and convolutions, 98 % of a model. Large embeddings are f16 beside it: that changed the
/// mean KL divergence of a q8 file from its f32 file by less than 1e-6 (of 4.1e-4), and saves up to
/// 2 % of small models. What everything passes through, and what is small, stays f32. If f32 is
/// chosen, all is f32.
public struct ConversionRecipe: Sendable {
  /// Weights of fewer elements than this stay f32.
  package static let smallestLargeWeight = 4096

  /// What a row of the table gives.
  package enum Choice: Sendable {
    /// The format that the rules or, without one that matches, the type give.
    case chosen
    /// f16, or f32 if that was chosen.
    case half
    /// f32.
    case full
  }

  /// A row of the table.
  private struct Row: Sendable {
    let tensors: String
    let matches: @Sendable (TensorSpecification) -> Bool
    let choice: Choice
  }

  /// The table; the first row that matches decides.
  private static let rows: [Row] = [
    Row(
      tensors: "interfaces to pixels, latents and tokens", matches: { $0.isInterface },
      choice: .full),
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

  /// What the rules are known by; the name of the format where there are none.
  package let name: String
  /// Formats for large matrices and convolutions by name; the first that matches wins.
  package let rules: [FormatOverride]
  /// The format of the large matrices and convolutions that no rule matches.
  package let format: TensorFormat
  /// Formats for tensors by name; the last that matches wins.
  package let overrides: [FormatOverride]

  /// Makes a recipe.
  package init(_ format: TensorFormat = .q8, overrides: [FormatOverride] = []) {
    self.init(name: format.name, rules: [], otherwise: format, overrides: overrides)
  }

  /// Makes a recipe of rules.
  package init(
    name: String, rules: [FormatOverride], otherwise format: TensorFormat,
    overrides: [FormatOverride] = []
  ) {
    self.name = name
    self.rules = rules
    self.format = format
    self.overrides = overrides
  }

  /// Makes a recipe.
  /// - Parameters:
  ///   - type: the name of the format for the large matrices and convolutions, such as `q8`, or of
  ///     a mix, such as `mix4.25`; see ``types``.
  ///   - overrides: `REGEX=TYPE` each: tensors whose name the expression matches get the format; the
  ///     last that matches wins.
  /// - Throws: an error that names a format that does not exist, or a pattern that cannot
  ///   be read.
  public init(type: String, overrides: [String] = []) throws {
    let overrides = try overrides.map { try FormatOverride($0) }
    if let format = TensorFormat(name: type) {
      self.init(format, overrides: overrides)
    } else if let mix = Self.mixes.first(where: { $0.name == type }) {
      self = mix.adding(overrides)
    } else {
      throw RecipeError.unknownType(type)
    }
  }

  /// The names that ``init(type:overrides:)`` takes, the finest first: formats, then mixes of them.
  public static var types: [String] { TensorFormat.allCases.map(\.name) + mixes.map(\.name) }

  /// The same recipe with further overrides, which win over its own.
  package func adding(_ overrides: [FormatOverride]) -> ConversionRecipe {
    ConversionRecipe(
      name: name, rules: rules, otherwise: format, overrides: self.overrides + overrides)
  }

  /// The table: tensors in words, and what they get.
  package static var table: [(tensors: String, choice: Choice)] {
    rows.map { ($0.tensors, $0.choice) }
  }

  /// Whether rules and type say what format a tensor gets: large matrices and convolutions.
  static func isChosen(_ tensor: TensorSpecification) -> Bool {
    if case .chosen? = rows.first(where: { $0.matches(tensor) })?.choice { true } else { false }
  }

  /// Chooses the format of a tensor.
  /// - Throws: ``RecipeError`` if an override asks for what is not possible.
  func choice(
    for tensor: TensorSpecification, _ facts: TensorFacts
  ) throws(RecipeError) -> FormatChoice {
    let maximum = facts.largestMagnitude
    if let override = overrides.last(where: { $0.matches(tensor) }) {
      try Self.check(override, tensor, maximum)
      return FormatChoice(format: override.format, reason: .override(override.text))
    }
    let wanted: TensorFormat =
      switch Self.rows.first(where: { $0.matches(tensor) })?.choice {
      case .chosen: rules.first { $0.matches(tensor) }?.format ?? format
      case .half: format == .f32 && rules.isEmpty ? .f32 : .f16
      case .full, nil: .f32
      }
    guard wanted.holds(maximum) else {
      // The other formats of integers take less small values than q8.
      let isForQ8 = wanted.isInteger && TensorFormat.q8.holds(maximum)
      let format: TensorFormat =
        isForQ8 && TensorFormat.q8.suits(shape: tensor.storedShape) ? .q8 : .f32
      return FormatChoice(format: format, reason: .range)
    }
    if !wanted.suits(shape: tensor.storedShape) {
      let isTooLarge = maximum > TensorFormat.f16.largestMagnitude
      return FormatChoice(format: isTooLarge ? .f32 : .f16, reason: .shape)
    }
    return FormatChoice(format: wanted, reason: .table)
  }

  private static func check(
    _ override: FormatOverride, _ tensor: TensorSpecification, _ maximum: Float
  ) throws(RecipeError) {
    if !tensor.role.allows(override.format) {
      throw .role(
        tensor: tensor.name, role: tensor.role, format: override.format, override: override.text)
    }
    if !override.format.suits(shape: tensor.storedShape) {
      throw .shape(
        tensor: tensor.name, shape: tensor.storedShape, format: override.format,
        override: override.text)
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
    /// Scales of 8 bits would lose so many dB.
    case spread(Double)
  }

  let format: TensorFormat
  let reason: Reason
}
