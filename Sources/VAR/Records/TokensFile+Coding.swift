import Foundation
package import TensorBytes
import VARCore
import VARModel

extension TokensFile: Decodable {
  private enum CodingKeys: String, CodingKey {
    case patchNumbers = "patch_nums"
    case images
  }

  /// Decodes the form that is documented at ``TokensFile``; unknown keys are ignored.
  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    // Millions of sides would be decoded only to be no model's.
    if let sides = try container.nestedUnkeyedContainer(forKey: .patchNumbers).count,
      sides > Self.scaleLimit
    {
      throw TooManyScales(count: sides)
    }
    patchNumbers = try container.decode([Int].self, forKey: .patchNumbers)
    images = try container.decode([Entry].self, forKey: .images)
  }

  /// More scales than any model has.
  private static let scaleLimit = 256

  private struct TooManyScales: Error, CustomStringConvertible {
    let count: Int
    var description: String { "\"patch_nums\" lists \(count) scales; no model has that many" }
  }

  /// The file's bytes: one line a scale, so that people and `diff` can read them.
  package var json: [UInt8] {
    let entries = images.map { "    " + Self.text($0) }.joined(separator: ",\n")
    let record = record.map { Self.recordStart + $0 + ",\n" } ?? ""
    return Array(
      "{\n\(record)  \"patch_nums\": \(patchNumbers),\n  \"images\": [\n\(entries)\n  ]\n}\n".utf8)
  }

  private static let recordStart = "  \"\(RunRecord.keyword)\": "

  /// What a file that we wrote says about what made it; the pictures are not looked at.
  static func record(_ path: String) -> String? {
    (try? MappedFile(path)).flatMap { record(of: $0) }
  }

  /// The same of a mapped file.
  package static func record(of file: MappedFile) -> String? {
    let bytes = try? unsafe file.withBytes(in: 0..<file.count) { bytes in
      unsafe [UInt8](bytes.dropFirst(2).prefix { $0 != UInt8(ascii: "\n") })
    }
    let line = bytes.map { String(decoding: $0, as: UTF8.self) } ?? ""
    guard line.hasPrefix(recordStart), line.hasSuffix(",") else { return nil }
    return String(line.dropFirst(recordStart.count).dropLast())
  }

  private static func text(_ entry: Entry) -> String {
    var fields: [String] = []
    if let label = entry.label {
      fields.append("\"class\": " + (label.id.map(String.init) ?? "null"))
    }
    if let seed = entry.seed { fields.append("\"seed\": \(seed)") }
    fields.append("\"tokens\": " + text(entry.tokens.scales))
    if let drawn = entry.drawn { fields.append("\"drawn\": " + text(drawn.scales)) }
    return "{" + fields.joined(separator: ", ") + "}"
  }

  private static func text(_ maps: [[Int32]]) -> String {
    "[\n" + maps.map { "      \($0)" }.joined(separator: ",\n") + "\n    ]"
  }
}

extension TokensFile.Entry: Decodable {
  private enum CodingKeys: String, CodingKey {
    case label = "class"
    case seed
    case tokens
    case drawn
  }

  /// Decodes one picture.
  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    label =
      container.contains(.label)
      ? try container.decodeIfPresent(ClassLabel.self, forKey: .label) ?? .unconditional : nil
    // PyTorch's seeds may be negative and then count from 2^64.
    if let signed = try? container.decodeIfPresent(Int64.self, forKey: .seed), signed < 0 {
      seed = UInt64(bitPattern: signed)
    } else {
      seed = try container.decodeIfPresent(UInt64.self, forKey: .seed)
    }
    tokens = try container.decode(TokenMaps.self, forKey: .tokens)
    drawn = try container.decodeIfPresent(TokenMaps.self, forKey: .drawn)
  }
}

extension DecodingError {
  /// What is wrong and where, without the error's inner workings.
  var plainText: String {
    switch self {
    case .keyNotFound(let key, let context):
      "\"\(key.stringValue)\" is missing" + Self.place(context)
    case .typeMismatch(_, let context), .valueNotFound(_, let context):
      "a value of another kind is expected" + Self.place(context)
    case .dataCorrupted(let context):
      // Foundation does not say where a number is that doesn't fit, nor that it was one.
      "it is not JSON, or a number in it is not whole or too large" + Self.place(context)
    @unknown default:
      "it cannot be read"
    }
  }

  private static func place(_ context: Context) -> String {
    let path = context.codingPath.map { key in
      key.intValue.map { "[\($0)]" } ?? "." + key.stringValue
    }.joined()
    return path.isEmpty ? "" : " at " + (path.hasPrefix(".") ? String(path.dropFirst()) : path)
  }
}
