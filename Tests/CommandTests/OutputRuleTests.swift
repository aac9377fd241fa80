import Foundation
import TestSupport
import Testing

/// What holds of the outputs of every command.
@Suite struct OutputRuleTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try CommandTable.furnish(folder)
  }

  static let writing = CommandTable.commands.filter { !$0.outputs.isEmpty || $0.folder != nil }

  /// Every file of the folder with its content.
  private func contents() throws -> [String: Data] {
    let files = try #require(FileManager.default.enumerator(atPath: folder.path))
    var contents: [String: Data] = [:]
    for case let name as String in files {
      contents[name] = FileManager.default.contents(atPath: folder.file(name))
    }
    return contents
  }

  /// Runs a command that must refuse, say something, and change nothing.
  private func expectRefusal(
    _ command: TableCommand, _ outputs: [String], _ message: String
  ) throws {
    let before = try contents()
    let result = try command.run(outputs, in: folder)
    #expect(result.status == 1 || result.status == 64, "\(outputs)")
    #expect(result.errors.contains(message), "\(outputs): \(result.errors)")
    #expect(try contents() == before, "\(outputs)")
  }

  @Test(arguments: ["var-run", "var-convert", "var-eval"])
  func everyCommandIsInTheTable(program: String) throws {
    let help = try CommandRunner.run(program, ["--help"]).text
    let list = try #require(help.components(separatedBy: "SUBCOMMANDS:\n").last)
    let names = list.split(separator: "\n", omittingEmptySubsequences: false)
      .prefix { !$0.isEmpty }.filter { $0.hasPrefix("  ") && !$0.hasPrefix("   ") }
      .compactMap { $0.split(separator: " ").first.map { String($0) } }
    #expect(names.count >= 3)
    #expect(
      Set(names).subtracting(["convert-inception"])
        == Set(CommandTable.commands.filter { $0.program == program }.map(\.name)))
  }

  @Test(arguments: writing)
  func noInputIsReplaced(command: TableCommand) throws {
    for (number, input) in command.inputs.enumerated() {
      let suffix = URL(filePath: input).pathExtension
      let names = ["soft\(number)", "hard\(number)"]
      let files = FileManager.default
      try files.createSymbolicLink(
        atPath: folder.file(names[0]), withDestinationPath: folder.file(input))
      try files.linkItem(atPath: folder.file(input), toPath: folder.file(names[1]))
      for (option, file) in command.outputs {
        let isSuitable = suffix == URL(filePath: file).pathExtension
        for path in names + (isSuitable ? [input, "./" + input] : []) {
          // By its suffix an animation is known.
          if option == "--animate", !isSuitable || !path.hasSuffix(".png") { continue }
          try expectRefusal(command, [option, path, "--force"], "an input of this command")
        }
      }
      if let folderOutput = command.folder {
        try files.createDirectory(
          atPath: folder.file("full\(number)"), withIntermediateDirectories: true)
        try files.linkItem(
          atPath: folder.file(input), toPath: folder.file("full\(number)/" + folderOutput.file))
        try expectRefusal(
          command, [folderOutput.option, "full\(number)", "--force"], "an input of this command")
      }
    }
  }

  @Test(arguments: writing)
  func noFileIsWrittenTwice(command: TableCommand) throws {
    let pictures = command.outputs.filter { $0.file.hasSuffix(".png") }
    guard pictures.count > 1 else { return }
    try FileManager.default.createSymbolicLink(
      atPath: folder.file("link.png"), withDestinationPath: "same.png")
    for (option, _) in pictures.dropFirst() {
      for path in ["same.png", "./same.png", "link.png"] {
        try expectRefusal(
          command, [pictures[0].option, "same.png", option, path], "named for two outputs")
      }
    }
  }

  @Test(arguments: writing)
  func filesAndFoldersAreTold(command: TableCommand) throws {
    try FileManager.default.createDirectory(
      atPath: folder.file("there.png"), withIntermediateDirectories: true)
    for (option, file) in command.outputs where option != "--output" {
      guard file.hasSuffix(".png") else { continue }
      try expectRefusal(command, [option, "there.png", "--force"], "names a folder")
    }
    for (option, file) in command.outputs {
      try expectRefusal(command, [option, "labels.csv/" + file, "--force"], "is a file")
      try expectRefusal(command, [option, "missing/" + file], "cannot create a file in its folder")
    }
    if let output = command.folder {
      try expectRefusal(command, [output.option, "labels.csv", "--force"], "is a file")
    }
  }

  /// As a shell passes it on whose variable is not set: never the root, never the working folder.
  @Test(arguments: writing)
  func anEmptyPathIsNoPlace(command: TableCommand) throws {
    let options = command.outputs.map(\.option) + [command.folder?.option].compactMap(\.self)
    for option in options { try expectRefusal(command, [option, "", "--force"], "need") }
  }

  @Test(arguments: writing)
  func existingFilesNeedForce(command: TableCommand) throws {
    for (option, file) in command.outputs {
      try folder.write([1, 2, 3], to: file)
      try expectRefusal(command, [option, file], "exists already")
      try FileManager.default.setAttributes(
        [.posixPermissions: 0o600], ofItemAtPath: folder.file(file))
      let forced = try command.run([option, file, "--force"], in: folder)
      #expect(forced.status == 0, "\(forced.errors)")
      let written = try FileManager.default.attributesOfItem(atPath: folder.file(file))
      #expect(written[.size] as? Int ?? 0 > 3)
      #expect(written[.posixPermissions] as? Int == 0o600)
    }
    if let output = command.folder {
      #expect(try command.run([output.option, "made"], in: folder).status == 0)
      try expectRefusal(command, [output.option, "made"], "exists already; --force replaces it")
      #expect(try command.run([output.option, "made", "-f"], in: folder).status == 0)
    }
  }

  /// Also of commands that write nothing else, and of their help.
  @Test(arguments: CommandTable.commands)
  func aFullStandardOutputIsAnError(command: TableCommand) throws {
    let message = "standard output: cannot write: No space left on device"
    let full = try command.run(command.allOutputs(), in: folder, redirection: "> /dev/full")
    #expect(full.status == 1)
    #expect(full.errors.contains(message), "\(full.errors)")
    let help = try command.run(["--help"], in: folder, redirection: "> /dev/full")
    #expect(help.status == 1)
    #expect(help.errors.contains(message), "\(help.errors)")
    let gone = try command.run(
      command.allOutputs() + force(command), in: folder, redirection: "| true")
    // Whether the reader has gone before all is written is a matter of chance.
    #expect([0, 1].contains(gone.status))
    #expect(!gone.errors.contains("cannot write"), "\(gone.errors)")
  }

  @Test(arguments: ["var-run", "var-convert", "var-eval"])
  func whatTheParserPrintsMustArrive(program: String) throws {
    let requests = [
      ["--version"], ["--help"], ["help"], ["--experimental-dump-help"],
      ["--generate-completion-script", "bash"],
    ]
    for arguments in requests {
      let line = ([program] + arguments).joined(separator: " ") + " > /dev/full"
      let result = try CommandRunner.shell(line, in: folder.path)
      #expect(result.status == 1, "\(line)")
      #expect(result.errors.contains("standard output: cannot write"), "\(line)")
    }
  }

  private func force(_ command: TableCommand) -> [String] {
    command.allOutputs().isEmpty ? [] : ["--force"]
  }

  @Test(arguments: CommandTable.commands)
  func aFailingStandardErrorLosesNothing(command: TableCommand) throws {
    let before = Set(try contents().keys)
    let usual = try command.run(command.allOutputs(), in: folder)
    #expect(usual.status == 0, "\(usual.errors)")
    let files = try contents().filter { !before.contains($0.key) }
    for redirection in ["2> /dev/full", "2>&-"] {
      let result = try command.run(
        command.allOutputs() + force(command), in: folder, redirection: redirection)
      #expect(result.status == 0, "\(redirection)")
      #expect(result.output.isEmpty == usual.output.isEmpty)
      #expect(try contents().filter { !before.contains($0.key) } == files)
    }
  }
}
