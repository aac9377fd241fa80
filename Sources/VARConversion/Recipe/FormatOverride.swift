package import VARModel
package import VARQuant

/// `PATTERN=FORMAT`: tensors whose name the regular expression matches get the format.
package struct FormatOverride: Equatable, Sendable {
  /// As the user wrote it.
  package let text: String
  /// The regular expression, which may match any part of the `.varq` name or of the official one.
  package var pattern: String { name.text }
  /// The format.
  package let format: TensorFormat
  private let name: NamePattern

  /// Whether they were written alike.
  package static func == (a: FormatOverride, b: FormatOverride) -> Bool {
    a.text == b.text && a.pattern == b.pattern && a.format == b.format
  }

  /// Reads `PATTERN=FORMAT`; the last `=` separates.
  /// - Throws: ``RecipeError``.
  package init(_ text: String) throws(RecipeError) {
    guard let separator = text.lastIndex(of: "="), separator != text.startIndex else {
      throw .malformedOverride(text)
    }
    let name = String(text[text.index(after: separator)...])
    guard let format = TensorFormat(name: name) else {
      throw .unknownFormat(name, override: text)
    }
    self.name = try NamePattern(String(text[..<separator]))
    self.text = text
    self.format = format
  }

  /// Makes one of an expression of ours.
  init(ours pattern: String, format: TensorFormat) {
    name = NamePattern(ours: pattern)
    text = pattern + "=" + format.name
    self.format = format
  }

  /// Makes one of its two halves.
  package init(pattern: String, format: TensorFormat) throws(RecipeError) {
    name = try NamePattern(pattern)
    text = pattern + "=" + format.name
    self.format = format
  }

  /// Matches the names of all tensors at once, so that each expression is compiled once.
  /// - Throws: ``RecipeError/slowPattern(_:)``.
  static func match(
    _ rules: [FormatOverride], _ tensors: [TensorSpecification]
  ) throws(RecipeError) {
    let names = tensors.flatMap { [$0.name, $0.upstreamName] }
    let deadline = NamePattern.deadline
    for rule in rules { try rule.name.match(names, before: deadline) }
  }

  /// Whether the pattern matches a part of one of the tensor's names.
  func matches(_ tensor: TensorSpecification) -> Bool {
    name.matches(tensor.name) || name.matches(tensor.upstreamName)
  }
}

/// Why formats cannot be chosen as the user wants.
package enum RecipeError: Error, Equatable, Sendable, CustomStringConvertible {
  /// There is no `=`, or nothing before it.
  case malformedOverride(String)
  /// There is no format and no mix of this name.
  case unknownType(String)
  /// A file is no recipe.
  case text(String, String)
  /// There is no format of the name in an override.
  case unknownFormat(String, override: String)
  /// The pattern is not a regular expression.
  case invalidPattern(String)
  /// Matching the pattern takes too long.
  case slowPattern(String)
  /// No tensor of the model has a name that the pattern matches.
  case unmatched(override: String)
  /// The format is only for weights of linear layers and convolutions.
  case role(tensor: String, role: TensorRole, format: TensorFormat, override: String)
  /// The shape does not suit the format.
  case shape(tensor: String, shape: [Int], format: TensorFormat, override: String)
  /// The values are beyond the format's range.
  case range(tensor: String, maximum: Float, override: String)

  /// The message for the user.
  package var description: String {
    switch self {
    case .malformedOverride(let text):
      "'\(text)' is not of the form REGEX=TYPE, such as '^var\\.head\\.weight$=f16'"
    case .unknownType(let name):
      "'\(name)' is no format and no mix; there are "
        + ConversionRecipe.types.joined(separator: ", ")
    case .text(let path, let problem):
      "\(path): \(problem)"
    case .unknownFormat(let name, let override):
      "'\(name)' in '\(override)' is no format; there are \(TensorFormat.names)"
    case .invalidPattern(let pattern):
      "'\(pattern)' is not a regular expression"
    case .slowPattern(let pattern):
      "'\(pattern)' takes too long to match, by itself or with those before it; leave out repetitions of repetitions, "
        + "such as (a+)+"
    case .unmatched(let override):
      "'\(override)' matches no tensor"
    case .role(let tensor, let role, let format, let override):
      "\(tensor) (\(role.rawValue)) cannot be \(format.name) as '\(override)' asks: only weights of "
        + "linear layers and convolutions can"
    case .shape(let tensor, let shape, let format, let override):
      "\(tensor) \(shape) cannot be \(format.name) as '\(override)' asks: all dimensions but the "
        + "first must make a multiple of \(format.traits.blockSize)"
    case .range(let tensor, let maximum, let override):
      "\(tensor) holds values up to \(maximum), outside the range that '\(override)' asks for"
    }
  }
}
