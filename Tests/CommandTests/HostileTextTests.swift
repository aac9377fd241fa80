import Foundation
import TestSupport
import Testing

/// Token files, recipes, indices, tables and records of 10 MB that would take much time or memory.
@Suite(.serialized) struct HostileTextTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private static let size = 9_900_000

  /// `start`, then as many `piece` as make nearly 10 MB, then `end`.
  private static func filled(_ start: String, _ piece: String, _ end: String) -> [UInt8] {
    let bytes = Array(piece.utf8)
    let count = size / bytes.count
    return Array(start.utf8) + Array(repeatElement(bytes, count: count).joined()) + Array(end.utf8)
  }

  /// Texts of JSON that hold `pieces` in a list or an object.
  private static func documents(_ key: String) -> [[UInt8]] {
    let list = ["0", "100", "1e9", "[]", "{}", "\"\"", "\"a\"", "null"].map {
      filled("{\"\(key)\":[", $0 + ",", "0]}")
    }
    let object = filled("{", "\"a\":0,", "\"\(key)\":0}")
    let nested = [filled("", "[", ""), filled("", "{\"a\":", "")]
    let escapes = filled("{\"\(key)\":\"", "\\u0001", "\"}")
    let wide = filled("{\"\(key)\":[", "0\0,\0", "0]}")
    return list + nested + [object, escapes, wide]
  }

  private func refuse(
    _ program: String, _ bytes: [UInt8], name: String = "hostile.json", line: Int = #line,
    _ arguments: (_ path: String) throws -> [String]
  ) throws {
    #expect(bytes.count <= 10_000_000, "line \(line)")
    let path = try folder.write(bytes, to: name)
    let result = try CommandRunner.answer(program, arguments(path), line: line)
    #expect(
      result.status == 1 && result.errors.hasPrefix("Error: "), "line \(line): \(result.errors)")
    #expect(result.errors.utf8.count < 10_000, "line \(line): \(result.errors.utf8.count) bytes")
  }

  private static let checkpoints = [
    "--var", Repository.fixture("models/plain/var.pth"),
    "--vae", Repository.fixture("models/plain/vae.pth"),
  ]

  @Test func tokens() throws {
    let images = Self.filled(
      #"{"patch_nums":[1,2,4],"images":["#, #"{"tokens":[[0]]},"#, #"{"tokens":[]}]}"#)
    let empty = Self.filled(#"{"patch_nums":[1],"images":[{"tokens":["#, "[],", "[]]}]}")
    for bytes in Self.documents("patch_nums") + Self.documents("images") + [images, empty] {
      try refuse("var-run", bytes) {
        ["decode", $0, "--model", try ConvertedModel.path(), "--output", folder.file("o/")]
      }
    }
  }

  @Test func records() throws {
    for document in Self.documents("classes") {
      let picture = try HostilePictureTests().picture(text: "var-run", document)
      try refuse("var-run", picture, name: "hostile.png") {
        ["generate", "--from-png", $0, "--model", try ConvertedModel.path()]
          + ["--output", folder.file("o.png")]
      }
    }
  }

  @Test func recipesAndTables() throws {
    for document in Self.documents("rules") {
      for option in ["--recipe", "--sensitivity"] {
        try refuse("var-convert", document) {
          ["convert"] + Self.checkpoints + [option, $0, "--dry-run"]
            + (option == "--recipe" ? [] : ["--max-kl", "0.1"])
        }
      }
    }
    // As many rules as there is room for; as many as there may be, each of them a little slow.
    for (pattern, count) in [("a", 30_000), ("[a-z]*.*!", 999)] {
      let rule = "{\"pattern\":\"\(pattern)\",\"type\":\"q4\"},"
      let rules = String(repeating: rule, count: count).dropLast()
      try refuse(
        "var-convert", Array("{\"recipe\":1,\"rules\":[\(rules)],\"otherwise\":\"q8\"}".utf8)
      ) {
        ["convert"] + Self.checkpoints + ["--recipe", $0, "--dry-run"]
      }
    }
  }

  @Test func indices() throws {
    let shards = Self.filled(#"{"weight_map":{"#, #""a":"b","#, #""c":"d"}}"#)
    let many = (0..<400_000).map { "\"\($0)\":\"\($0).safetensors\"" }.joined(separator: ",")
    let names = Array("{\"weight_map\":{\(many.prefix(Self.size))\"}}".utf8)
    for document in Self.documents("weight_map") + [shards, names] {
      try refuse("var-convert", document, name: "model.safetensors.index.json") { ["inspect", $0] }
    }
  }

  @Test func tablesAndNames() throws {
    try FileManager.default.createDirectory(
      atPath: folder.file("images"), withIntermediateDirectories: true)
    let long = "a" + String(repeating: "\u{301}", count: 4000)
    let texts = [
      "\n", "\r\n", "a,0\n", "a,0,\n", "\"\",", ",", "0-5,", "random,", "a", " ", "\u{301}",
      "\"a\",0\n", "\(long),0\n", "\"\(long)\",0\n", "a,\(String(repeating: "0", count: 1000))\n",
    ].map { Self.filled("a,", $0, "") }
    let rows = (0..<700_000).map { "\(1_000_000_000 + $0),0\n" }.joined()
    for text in texts + [Array(rows.utf8)] {
      try refuse("var-run", text) {
        ["evaluate", folder.file("images"), "--labels", $0, "--model", try ConvertedModel.path()]
      }
      try refuse("var-convert", text) {
        ["annotate", try ConvertedModel.path(), "--class-names", $0]
          + ["--output", folder.file("o.varq")]
      }
    }
  }

  @Test func manifests() throws {
    let digest = String(repeating: "0", count: 64)
    let marks = String(repeating: "\u{301}", count: 2_000_000)
    let texts = [Self.filled("", "\n", "x"), Self.filled("", "\r\n", "")]
    for text in texts + [Array("\(digest)  \(marks)\n\(digest)  \(marks)".utf8)] {
      try refuse("var-convert", text) { ["inspect", try ConvertedModel.path(), "--check", $0] }
    }
  }
}
