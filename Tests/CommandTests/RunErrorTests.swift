import TestSupport
import Testing

/// Exit status 64 for usage, 1 for everything else, and what is said.
@Suite struct RunErrorTests {
  struct Misuse: Sendable, CustomTestStringConvertible {
    let arguments: [String]
    let message: String
    var testDescription: String { arguments.joined(separator: " ") }

    init(_ arguments: [String], _ message: String) {
      self.arguments = arguments
      self.message = message
    }
  }

  static let usage = [
    Misuse(["generate", "--cfg=-1"], "--cfg must be 0 to 1000, but is -1.0."),
    Misuse(["generate", "--cfg", "nan"], "--cfg must be 0 to 1000, but is nan."),
    Misuse(["generate", "--top-k=-1"], "--top-k must be 0 (all) or more, but is -1."),
    Misuse(["generate", "--top-p", "1.5"], "--top-p must be 0 (all) to 1, but is 1.5."),
    Misuse(["generate", "--count", "0"], "--count must be 1 to 100000, but is 0."),
    Misuse(["generate", "--threads", "0"], "--threads must be 1 to 1024, but is 0."),
    Misuse(["generate", "--output", "a.jpg"], "--output writes PNG, not .jpg."),
    Misuse(["generate", "--animate", "a.webp"], "--animate writes PNG or GIF, not .webp."),
    Misuse(
      ["generate", "--animate", "a"], "--animate needs a name that ends in .png, .apng or .gif."),
    Misuse(["tokenize", "a.png", "--output", "b.png"], "--output writes JSON, not .png."),
    Misuse(["evaluate", "a", "--output", "b.csv"], "--output writes JSON, not .csv."),
    Misuse(
      ["compare", "a", "--against", "b.varq", "--output", "c.png"],
      "--output writes JSON, not .png."),
    Misuse(["parity", "a.safetensors", "--output", "b.txt"], "--output writes JSON, not .txt."),
    Misuse(["decode", "a.json", "--output", "b.gif"], "--output writes PNG, not .gif."),
    Misuse(["reconstruct", "a.png", "--output", "b.jpg"], "--output writes PNG, not .jpg."),
    Misuse(
      ["generate", "--output", "-", "--grid", "-"],
      "Only one thing can be written to the standard output (-)."),
    Misuse(
      ["generate", "--output", "-", "--json"],
      "--json prints to the standard output, which - already uses."),
    Misuse(
      ["generate", "--from-png", "a.png", "--seed", "1"],
      "--from-png takes classes, seed and sampling options from the picture; give none of them."),
    Misuse(["inpaint", "a.png"], "Say what to change by either --box or --mask."),
    Misuse(
      ["inpaint", "a.png", "--box", "0,0,1,1", "--mask", "m.png"],
      "Say what to change by either --box or --mask."),
    Misuse(
      ["edit", "a.png", "--box", "0,0,1,1"],
      "Say by --classes what to generate; inpaint needs no class."),
    Misuse(["evaluate", "images", "--limit", "0"], "--limit must be at least 1."),
  ]

  @Test(arguments: usage)
  func misuseIsExplained(_ misuse: Misuse) throws {
    let result = try CommandRunner.run("var-run", misuse.arguments)
    #expect(result.status == 64)
    #expect(result.errors.hasPrefix("Error: " + misuse.message + "\n"), "\(result.errors)")
    #expect(result.output.isEmpty)
  }

  @Test(arguments: ["0,0,1", "0,0,1,2", "0.5,0,0.5,1", "a,b,c,d", "0,0,nan,1"])
  func boxesAreChecked(box: String) throws {
    let result = try CommandRunner.run("var-run", ["inpaint", "a.png", "--box", box])
    #expect(result.status == 64)
    #expect(result.errors.contains("box"), "\(result.errors)")
  }

  static let failures = [
    Misuse(
      ["generate", "--classes", "8"], "class 8 does not exist; the model has the classes 0 to 7"),
    Misuse(
      ["generate", "--classes", "cat"],
      "the model has no class names, so \"cat\" means nothing to it; use ids, 0 to 7"),
    Misuse(
      ["decode", "missing.json"], "missing.json: cannot open: No such file or directory"),
    Misuse(
      ["generate", "--from-png", "missing.png"],
      "missing.png: cannot open: No such file or directory"),
    Misuse(
      ["generate", "--classes", "1", "--output", "missing/a.png"], "missing/a.png: "),
    Misuse(["evaluate", "missing"], "missing: cannot list: No such file or directory"),
  ]

  @Test(arguments: failures)
  func failuresAreExplained(_ failure: Misuse) throws {
    let folder = try TemporaryFolder()
    let result = try GoldenModel.perBlock.run(
      failure.arguments[0], Array(failure.arguments.dropFirst()), in: folder)
    #expect(result.status == 1)
    #expect(result.errors.hasPrefix("Error: " + failure.message), "\(result.errors)")
    #expect(result.output.isEmpty)
  }

  @Test func picturesOfAnotherModelAreNotRepeated() throws {
    let folder = try TemporaryFolder()
    let made = try GoldenModel.perBlock.run(
      "generate", ["--classes", "1", "--output", "a.png"], in: folder)
    #expect(made.status == 0)
    let result = try GoldenModel.plain.run("generate", ["--from-png", "a.png"], in: folder)
    #expect(result.status == 1)
    #expect(result.errors.hasPrefix("Error: a.png was made by the model "), "\(result.errors)")
    #expect(result.errors.hasSuffix("; name the right one by --model\n"))
  }

  @Test func aTooLargeTopKIsANote() throws {
    let folder = try TemporaryFolder()
    let result = try GoldenModel.perBlock.run(
      "generate", ["--classes", "1", "--top-k", "65", "--seed", "1"], in: folder)
    #expect(result.status == 0)
    #expect(
      result.errors == "note: --top-k 65 is more than the 64 tokens there are; all are kept\n")
  }
}
