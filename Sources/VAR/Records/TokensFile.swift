import Foundation
import TensorBytes
package import VARCore
package import VARModel

/// Tokens of several pictures, as `--tokens-output` writes them and `decode` reads them.
///
/// `{"patch_nums": […], "images": [{"class": 3, "seed": 5, "tokens": [[…], …]}]}`; `tokens` holds
/// one list a scale, coarse to fine, row by row. `class` is null for the unconditional one and
/// missing where there is none, for example when the tokens come from a picture.
package struct TokensFile: Equatable, Sendable {
  /// One picture.
  package struct Entry: Equatable, Sendable {
    /// The class, if there is one.
    package var label: ClassLabel?
    /// The seed of its random numbers, if there were any.
    package var seed: UInt64?
    /// Rows of the codebook that decode to the picture.
    package var tokens: TokenMaps
    /// The tokens as drawn, before those of an edited picture were put back; nil if they're the same.
    package var drawn: TokenMaps?

    /// Makes an entry.
    package init(
      label: ClassLabel? = nil, seed: UInt64? = nil, tokens: TokenMaps, drawn: TokenMaps? = nil
    ) {
      self.label = label
      self.seed = seed
      self.tokens = tokens
      self.drawn = drawn
    }
  }

  /// Side of each scale's token map.
  package var patchNumbers: [Int]
  /// The pictures.
  package var images: [Entry]
  /// What made them, one line of JSON that only ``record(_:)`` reads back.
  package var record: String?

  /// Makes the content of a file; see ``validate(name:patchNumbers:vocabulary:)``.
  package init(patchNumbers: [Int], images: [Entry], record: String? = nil) {
    self.patchNumbers = patchNumbers
    self.images = images
    self.record = record
  }

  /// Reads a file and checks it against a model.
  /// - Throws: `FileError`, ``TokensFileError``.
  package init(path: String, patchNumbers: [Int], vocabulary: Int) throws {
    let file = try MappedFile(path)
    let bytes = try unsafe file.withBytes(in: 0..<file.count) { unsafe [UInt8]($0) }
    try self.init(json: bytes, name: path)
    try validate(name: path, patchNumbers: patchNumbers, vocabulary: vocabulary)
  }

  /// Reads JSON; nothing but its form is checked.
  /// - Throws: ``TokensFileError/malformed(name:reason:)``.
  package init(json: [UInt8], name: String) throws(TokensFileError) {
    do {
      try JSONCost.check(json)
      self = try JSONDecoder().decode(TokensFile.self, from: Data(json))
    } catch let error as DecodingError {
      throw .malformed(name: name, reason: error.plainText)
    } catch {
      throw .malformed(name: name, reason: "\(error)")
    }
  }

  /// Checks scales, sizes and tokens against a model's.
  /// - Throws: ``TokensFileError``.
  package func validate(
    name: String, patchNumbers: [Int], vocabulary: Int
  ) throws(TokensFileError) {
    guard self.patchNumbers == patchNumbers else {
      throw .patchNumbers(name: name, expected: patchNumbers, actual: self.patchNumbers)
    }
    guard !images.isEmpty else { throw .noImages(name: name) }
    for (index, image) in images.enumerated() {
      for maps in [image.tokens, image.drawn].compactMap({ $0 }) {
        try Self.validate(maps.scales, name, index, patchNumbers, vocabulary)
      }
    }
  }

  private static func validate(
    _ maps: [[Int32]], _ name: String, _ image: Int, _ patchNumbers: [Int], _ vocabulary: Int
  ) throws(TokensFileError) {
    let expected = patchNumbers.map { $0 * $0 }
    guard maps.map(\.count) == expected else {
      throw .counts(name: name, image: image, expected: expected, actual: maps.map(\.count))
    }
    for (scale, tokens) in maps.enumerated() {
      for (position, token) in tokens.enumerated() where token < 0 || Int(token) >= vocabulary {
        throw .token(
          name: name, image: image, scale: scale, position: position, token: Int(token),
          vocabulary: vocabulary)
      }
    }
  }
}

/// Why a tokens file can't be used.
package enum TokensFileError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Not JSON, or not of the form that is documented at ``TokensFile``.
  case malformed(name: String, reason: String)
  /// The tokens are of a model with other scales.
  case patchNumbers(name: String, expected: [Int], actual: [Int])
  /// There are no pictures in it.
  case noImages(name: String)
  /// A picture has another number of scales or tokens than its `patch_nums` say.
  case counts(name: String, image: Int, expected: [Int], actual: [Int])
  /// A token is not a row of the codebook.
  case token(name: String, image: Int, scale: Int, position: Int, token: Int, vocabulary: Int)

  /// The message for the user.
  package var description: String {
    switch self {
    case .malformed(let name, let reason):
      "\(name) is not a tokens file: \(reason)"
    case .patchNumbers(let name, let expected, let actual):
      "\(name) holds token maps with sides \(actual), the model's are \(expected): "
        + "they are of another model"
    case .noImages(let name):
      "\(name) holds no images"
    case .counts(let name, let image, let expected, let actual):
      "\(name): image \(image) has \(actual) tokens a scale, \(expected) are needed"
    case .token(let name, let image, let scale, let position, let token, let vocabulary):
      "\(name): image \(image), scale \(scale), position \(position): token \(token) is not one "
        + "of the model's 0 to \(vocabulary - 1)"
    }
  }
}
