import Foundation
import TestSupport
import Testing

/// Files as they are found: wrapped, of other trainers, of other kinds, with odd names.
@Suite struct SoundFileTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private static let plain = Repository.fixture("models/plain/")

  private func convert(_ arguments: String...) throws -> CommandResult {
    try CommandRunner.run("var-convert", arguments)
  }

  /// A safetensors file of one f32 each.
  private func safetensors(_ names: [String]) -> [UInt8] {
    let members = names.enumerated().map { index, name in
      "\"\(name)\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[\(4 * index),\(4 * index + 4)]}"
    }
    let header = Array("{\(members.joined(separator: ","))}".utf8)
    let count = UInt64(header.count)
    let length = (0..<8).map { UInt8(truncatingIfNeeded: count >> UInt64(8 * $0)) }
    return length + header + [UInt8](repeating: 0, count: 4 * names.count)
  }

  /// Escape sequences, C1, directions of writing, line ends: none of a file reaches a terminal.
  @Test func fileTextNeverCommandsTheTerminal() throws {
    let hostile = [
      "\u{1B}[31m", "\u{9B}2J", "\u{202E}", "\u{7}", "\u{200B}", "\r", "a\nb", "\u{2028}",
    ]
    let escaped = hostile.map { name in
      name.unicodeScalars.map { scalar in
        scalar == "\r"
          ? "\\r"
          : scalar == "\n"
            ? "\\n"
            : scalar.value < 32
              ? "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
              : String(scalar)
      }.joined()
    }
    let path = try folder.write(safetensors(escaped), to: "names")
    for arguments in [["inspect", path], ["inspect", path, "--json"]] {
      let result = try CommandRunner.run("var-convert", arguments)
      #expect(result.status == 0)
      try expectPlain(result)
      #expect(result.text.contains("[31m"))
    }
    let json =
      try JSONSerialization.jsonObject(
        with: Data(convert("inspect", path, "--json").output)) as? [String: Any]
    let names = (json?["tensors"] as? [[String: Any]])?.compactMap { $0["name"] as? String }
    #expect(names == hostile)
    // In messages: a type that nobody knows, of a tensor with such a name.
    let text = String(decoding: safetensors(escaped), as: UTF8.self)
      .replacingOccurrences(of: "F32", with: "F\u{9B}")
    let broken = try folder.write(Array(text.utf8), to: "broken\u{1B}[2J")
    let refused = try convert("inspect", broken)
    #expect(refused.status == 1)
    try expectPlain(refused)
  }

  private func expectPlain(_ result: CommandResult) throws {
    for text in [result.text, result.errors] {
      for scalar in text.unicodeScalars where scalar != "\n" {
        let category = scalar.properties.generalCategory
        #expect(
          ![.control, .format, .lineSeparator, .paragraphSeparator].contains(category),
          "\(scalar.value)")
      }
    }
  }

  @Test(.disabled(if: Sanitizer.isOn)) func aFileCutWhileMappedIsAMessage() throws {
    // Sparse: a gibibyte that takes no room.
    let size = 1 << 30
    let header = Array(
      "{\"a\":{\"dtype\":\"F32\",\"shape\":[\(size / 4)],\"data_offsets\":[0,\(size)]}}".utf8)
    let count = (0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) }
    let path = try folder.write(count + header, to: "cut.safetensors")
    let handle = try #require(FileHandle(forWritingAtPath: path))
    try handle.truncate(atOffset: UInt64(8 + header.count + size))
    let process = Process()
    process.executableURL = URL(filePath: CommandRunner.binaries + "var-convert")
    process.arguments = ["inspect", path, "--checksums"]
    let errors = Pipe()
    process.standardError = errors
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    // As soon as it is mapped: hashing a gibibyte takes longer than noticing that.
    let maps = "/proc/\(process.processIdentifier)/maps"
    while process.isRunning {
      if let text = try? String(contentsOfFile: maps, encoding: .utf8), text.contains(path) {
        break
      }
      usleep(1000)
    }
    try handle.truncate(atOffset: 4096)
    let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationReason == .exit)
    #expect(process.terminationStatus == 1)
    #expect(text.hasPrefix("Error: \(path)"), "\(text)")
    #expect(text.split(separator: "\n").count == 1)
  }

  @Test(.disabled(if: Sanitizer.isOn)) func aLimitOfFileSizesIsAMessage() throws {
    let script = """
      ulimit -f 100
      var-convert convert --var "\(Self.plain)var.pth" --vae "\(Self.plain)vae.pth" --output limited.varq
      """
    let result = try CommandRunner.shell(script, in: folder.path)
    #expect(result.status == 1)
    #expect(result.errors.contains("ulimit -f"), "\(result.errors)")
    #expect(try folder.names() == [])
  }

  @Test func kindsAreNamed() throws {
    let kinds: [(bytes: [UInt8], words: [String])] = [
      ([0x1F, 0x8B, 8, 0], ["gzip", "gunzip"]),
      ([UInt8](repeating: 0, count: 257) + Array("ustar\0".utf8), ["tar archive", "unpack"]),
      (Array("GGUF\u{3}".utf8), ["GGUF"]),
      (Array("<!DOCTYPE html>".utf8), ["web page", "download"]),
      (Array("<?xml version=\"1.0\"?><Error>".utf8), ["XML", "download"]),
      (StoredZip.archive([("x.npy", .stored([1]))]), ["NumPy", "numpy.load"]),
      (StoredZip.archive([("model.pth", .stored([1]))]), ["model.pth", "unpack"]),
      (StoredZip.archive([("m/archive_format", .stored([1]))]), ["torch.export", "state_dict"]),
    ]
    for (bytes, words) in kinds {
      let result = try convert("inspect", folder.write(bytes, to: "kind"))
      #expect(result.status == 1)
      for word in words { #expect(result.errors.contains(word), "\(result.errors)") }
    }
    let model = try CommandRunner.run("var-run", ["info", "--model", Self.plain + "var.pth"])
    #expect(model.status == 1)
    #expect(model.errors.contains("var-convert convert"))
    let pictures: [(bytes: [UInt8], word: String)] = [
      (Array("RIFF\0\0\0\0WEBPVP8 ".utf8), "WebP"),
      ([0, 0, 0, 24] + Array("ftypavif".utf8), "AVIF"),
      ([0, 0, 0, 24] + Array("ftypheic".utf8), "HEIC"), ([0x49, 0x49, 0x2A, 0], "TIFF"),
      (Array("BM".utf8), "BMP"), (Array("GIF89a".utf8), "GIF"),
    ]
    for (bytes, word) in pictures {
      let result = try CommandRunner.run(
        "var-run",
        ["tokenize", folder.write(bytes, to: "picture"), "--model", try ConvertedModel.path()])
      #expect(result.status == 1)
      #expect(result.errors.contains("\(word) picture"), "\(result.errors)")
    }
  }

  @Test func picturesComeThroughPipes() throws {
    let picture = Repository.fixture("documentation/photo.png")
    let script = """
      var-run tokenize "\(picture)" --fit crop --model "\(try ConvertedModel.path())" --output file.json
      var-run tokenize - --fit crop --model "\(try ConvertedModel.path())" --output pipe.json < "\(picture)"
      cat "\(picture)" | var-run tokenize /dev/stdin --fit crop --model "\(try ConvertedModel.path())" --output stdin.json
      """
    let result = try CommandRunner.shell(script, in: folder.path)
    #expect(result.status == 0, "\(result.errors)")
    func tokens(_ name: String) throws -> [UInt8] { try bytes(ofFile: folder.file(name)) }
    #expect(try tokens("pipe.json") == tokens("file.json"))
    #expect(try tokens("stdin.json") == tokens("file.json"))
  }

  @Test func bytesBehindAnArchiveAreTolerated() throws {
    let whole = try bytes(ofFile: Self.plain + "vae.pth")
    for extra in [[0x0A], [UInt8](repeating: 0, count: 1000)] {
      let result = try convert("inspect", folder.write(whole + extra, to: "behind.pth"))
      #expect(result.status == 0, "\(result.errors)")
    }
    let cut = try convert("inspect", folder.write(whole.dropLast(1), to: "cut.pth"))
    #expect(cut.errors.contains("incomplete"))
  }

  /// Shards of torch.save behind an index, and the folder that they are in.
  @Test func shardsOfTorchSave() throws {
    for name in ["vae.pth", "var.pth"] {
      try folder.write(bytes(ofFile: Self.plain + name), to: name + ".bin")
    }
    var map: [String: String] = [:]
    for name in ["vae.pth", "var.pth"] {
      let facts =
        try JSONSerialization.jsonObject(
          with: Data(convert("inspect", Self.plain + name, "--json").output)) as? [String: Any]
      for tensor in (facts?["tensors"] as? [[String: Any]]) ?? [] {
        if let tensor = tensor["name"] as? String { map[tensor] = name + ".bin" }
      }
    }
    let index = try JSONSerialization.data(withJSONObject: ["weight_map": map])
    try folder.write([UInt8](index), to: "pytorch_model.bin.index.json")
    for path in [folder.file("pytorch_model.bin.index.json"), folder.path] {
      let result = try convert("convert", path, "--dry-run")
      #expect(result.status == 0, "\(result.errors)")
      #expect(result.text.contains("var.blocks.0") && result.text.contains("vae.decoder"))
      #expect(try convert("inspect", path).status == 0)
    }
  }

  @Test func pathsThatAreNotUTF8AreNamed() throws {
    let result = try CommandRunner.shell(
      "var-convert inspect $'\\xff.pt'", in: folder.path)
    #expect(result.status == 1)
    #expect(result.errors.contains("not UTF-8"))
    for (script, place) in [
      // A link to an output, a folder on the way to it, the working folder.
      ("ln -s $'\\xe9.png' o.png; var-run generate --output o.png", "o.png"),
      ("mkdir $'\\xe9'; ln -s $'\\xe9' d; var-run generate --output d/o.png", "d/o.png"),
      ("cd $'\\xe9'; var-run generate --output p.png", "p.png"),
      ("mkdir -p a/2; touch a/2/$'\\xe9.png'; var-run evaluate a", "a/2/\u{FFFD}.png"),
      ("mkdir -p b/$'\\xe9'; var-run evaluate b", "b/\u{FFFD}"),
      ("VAR_MODEL=$'\\xe9.varq' var-run info", "\u{FFFD}.varq"),
    ] {
      let result = try CommandRunner.shell(
        script, in: folder.path, environment: ["VAR_MODEL": ConvertedModel.path()])
      #expect(result.status == 1, "\(script)")
      #expect(
        result.errors.hasPrefix("Error: \(place)") && result.errors.contains("not UTF-8"),
        "\(script): \(result.errors)")
    }
    // Nothing was written under a name that nobody has asked for.
    #expect(try folder.names() == ["a", "b", "d", "o.png", "\u{FFFD}"])
  }
}
