import ArgumentParser
import VAR
import VARModel

/// What the pictures are to show.
struct ClassArguments: ParsableArguments {
  @Option(
    name: [.customShort("c"), .long],
    help: ArgumentHelp(
      """
      Classes by id or name, separated by commas; also ranges (0-9), random, and none for the \
      unconditional class. (default: random; of inpaint and outpaint, none)
      """, valueName: "list"))
  var classes: [String] = []

  @Option(name: [.customShort("n"), .long], help: "Images of each class. (default: 1)")
  var count: Int?

  private static let limit = GenerationPlan.limit

  func validate() throws {
    if let count, !(1...Self.limit).contains(count) {
      throw ValidationError("--count must be 1 to \(Self.limit), but is \(count).")
    }
  }

  /// Whether any of them was given.
  var isGiven: Bool { !classes.isEmpty || count != nil }

  /// The class of each image: `count` of each, class by class.
  func choices(_ configuration: ModelConfiguration) throws -> [ClassChoice] {
    let list = ClassList(configuration)
    let chosen = classes.isEmpty ? [.random] : try classes.flatMap(list.parse)
    let choices = chosen.flatMap { Array(repeating: $0, count: count ?? 1) }
    guard choices.count <= Self.limit else {
      throw ValidationError("\(choices.count) images; at most \(Self.limit) are made in one run.")
    }
    return choices
  }
}
