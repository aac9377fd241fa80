import Foundation
import TensorBytes
import TestSupport
import Testing
import VARQuant

/// The example of the format's text is what the writer writes.
@Suite struct FormatTextTests {
  @Test func exampleIsWrittenByteForByte() throws {
    let folder = try TemporaryFolder()
    let bytes = try SampleFile.bytes(SampleFile.write(folder))
    let text = try String(
      contentsOfFile: Repository.file("formats/varq-v1.md"), encoding: .utf8)
    let expected = Self.dump(bytes)
    let block = text.split(separator: "```hexdump\n").last?.split(separator: "```").first ?? ""
    #expect(String(block) == expected, "the dump should be\n\(expected)")
  }

  /// The four examples of codes: plane by plane, scales, and nothing between them.
  @Test func codesLieAsInTheText() throws {
    let text = try String(
      contentsOfFile: Repository.file("formats/varq-v1.md"), encoding: .utf8)
    let block = text.split(separator: "```codes\n").last?.split(separator: "```").first ?? ""
    let bits: [TensorFormat: Int] = [.q3: 3, .q4: 4, .q5: 5, .q6: 6]
    for (format, bits) in bits.sorted(by: { $0.value < $1.value }) {
      var writer = try #require(BlockRowWriter(format, rows: 1, columns: 32))
      let codes = (0..<32).map { UInt8((5 * $0 + 3) % (1 << bits)) }
      let scales = RowScales(row16: 0x3400, scale8: bits == 3 ? [-2, 3] : [-2])
      var bytes: [UInt8] = []
      try unsafe writer.append(codes, scales) { unsafe bytes += $0 }
      try unsafe writer.finish { unsafe bytes += $0 }
      let parts = format.traits.layout(rows: 1, columns: 32).parts
      let lines = parts.map { part in
        bytes[part].map { String(format: "%02x", $0) }.joined(separator: " ")
      }
      let example = "\(format.name): " + lines.joined(separator: "\n    ") + "\n"
      #expect(block.contains(example), "the text should have\n\(example)")
    }
  }

  /// Lines of 16 bytes, as `xxd -g 1` writes them; a run of lines of zeros becomes a star.
  private static func dump(_ bytes: [UInt8]) -> String {
    var lines: [String] = []
    var isInRun = false
    for start in stride(from: 0, to: bytes.count, by: 16) {
      let row = Array(bytes[start..<min(start + 16, bytes.count)])
      let isZero = row.count == 16 && row.allSatisfy { $0 == 0 }
      if isZero && isInRun {
        if lines.last != "*" { lines.append("*") }
        continue
      }
      isInRun = isZero
      let offset = String(format: "%08x:", start)
      let digits = row.map { String(format: " %02x", $0) }.joined()
      let text = row.map { (0x20..<0x7F).contains($0) ? String(UnicodeScalar($0)) : "." }.joined()
      let padding = String(repeating: " ", count: 48 - digits.count)
      lines.append(offset + digits + padding + "  " + text)
    }
    return lines.joined(separator: "\n") + "\n"
  }
}
