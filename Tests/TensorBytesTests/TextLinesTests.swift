import TensorBytes
import Testing

@Suite struct TextLinesTests {
  private func lines(_ text: String) throws -> [String] {
    try TextLines.read(MappedFile(Array(text.utf8), named: "list")).map {
      String(decoding: $0, as: UTF8.self)
    }
  }

  @Test func endsAreThoseOfAllSystems() throws {
    #expect(try lines("\u{feff}a\nb\r\nc\rd\n\n") == ["a", "b", "c", "d", "", ""])
    #expect(try lines("") == [""])
    #expect(try lines("\r\n\u{2028}") == ["", "\u{2028}"])
  }

  @Test func noSoundFileHasSuchLines() throws {
    let long = String(repeating: "a", count: 8193)
    #expect(throws: TextLinesError.line(path: "list", line: 2, limit: 8192)) {
      try lines("\n" + long)
    }
    #expect(try lines(String(long.dropLast())).count == 1)
    #expect(try lines(String(repeating: "name,0\n", count: 300_000)).count == 300_001)
    #expect(throws: TextLinesError.lines(path: "list", limit: 231_250)) {
      try lines(String(repeating: "\n", count: 500_000))
    }
  }
}
