/// A class of a model, or none: the one form that a label has from the plan to the transformer.
package enum ClassLabel: Hashable, Sendable {
  /// One of the model's classes, counted from 0.
  case id(Int)
  /// No class: the row of the class embedding that guidance subtracts.
  case unconditional

  /// The class, nil for none.
  package var id: Int? {
    if case .id(let id) = self { id } else { nil }
  }

  /// As `--classes` would say it.
  package var text: String { id.map(String.init) ?? "none" }
}

extension ClassLabel: Codable {
  /// A number, or null for no class.
  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    self = container.decodeNil() ? .unconditional : .id(try container.decode(Int.self))
  }

  /// A number, or null for no class.
  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    if let id { try container.encode(id) } else { try container.encodeNil() }
  }
}

/// What a picture is to show, before its random numbers have been asked.
package enum ClassChoice: Hashable, Sendable {
  /// This class, or none.
  case label(ClassLabel)
  /// A class that the picture's random numbers choose.
  case random

  /// As `--classes` would say it.
  package var text: String {
    switch self {
    case .label(let label): label.text
    case .random: "random"
    }
  }
}
