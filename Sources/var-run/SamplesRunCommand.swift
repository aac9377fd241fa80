import ArgumentParser
import CommandSupport
import TensorBytes
import VAR
import VARCompute
import VARCore
import VARModel
import VARSamples

struct SamplesRunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Draw the shards of a set that are missing, one of them, or the next free one.",
    discussion: """
      The first process writes plan.json into the folder; the others must have the same arguments, and take \
      --shards, --compute and --cpu-level from it. Picture i has the seed first_seed + i of plan.json, and so \
      var-run generate draws it too.
      """)

  @Option(
    name: [.customShort("c"), .long],
    help: ArgumentHelp(
      "Classes by id or name, separated by commas; also ranges (0-9). (default: all)",
      valueName: "list"))
  var classes: [String] = []

  @Option(help: ArgumentHelp("Pictures of each class.", valueName: "n"))
  var perClass = 50

  @Option(
    name: [.short, .long],
    help: ArgumentHelp(
      "The folder of the set, which is made if it is missing.", valueName: "folder"),
    completion: .directory)
  var output: String

  @Option(
    help: ArgumentHelp(
      "Files that the set is cut into; some minutes of work each. (default: those of plan.json, else 1)",
      valueName: "n"))
  var shards: Int?

  @Option(help: ArgumentHelp("Draw this shard alone, counted from 0.", valueName: "k"))
  var shard: Int?

  @Flag(help: "Draw one shard that is missing and that nobody is at.")
  var next = false

  @Option(
    help: ArgumentHelp(
      """
      Seconds without a sign of life after which a process on another machine is given up. One on this \
      machine is given up when it is gone.
      """, valueName: "seconds"))
  var staleAfter = Int(SampleMaker.staleAfter)

  @Option(
    help: ArgumentHelp(
      "Seed of the set: another one is another set. (default: 0)", valueName: "seed"),
    transform: SamplingArguments.seed)
  var seed: UInt64 = 0

  @Option(
    help: ArgumentHelp(
      "Whose random numbers they are, as of generate: cpu, or cuda:CARD. (default: cpu)",
      valueName: "device"), transform: SamplingArguments.device)
  var seedDevice: SeedDevice?

  @OptionGroup(title: "Sampling") var filters: FilterArguments
  @OptionGroup(title: "Model") var model: ModelOptions

  func validate() throws {
    if perClass < 1 { throw ValidationError("--per-class must be 1 or more, but is \(perClass).") }
    if next, shard != nil { throw ValidationError("Give --shard or --next, not both.") }
    if staleAfter < 60 {
      throw ValidationError("--stale-after must be 60 or more, but is \(staleAfter).")
    }
  }

  func run() throws {
    let model = try model.open()
    try model.requireBothHalves()
    let folder = SampleFolder(output)
    let plan = try plan(model, folder)
    if let shard, !(0..<plan.shards).contains(shard) {
      throw SampleSetError.shardNumber(shard, shards: plan.shards)
    }
    let compute = try compute(of: plan, folder)
    try folder.begin(plan)
    let maker = try SampleMaker(folder, plan, model, compute, staleAfter: Double(staleAfter))
    if let shard {
      try one(shard, maker, plan)
    } else {
      try all(maker, plan)
    }
  }

  /// What is asked for; what may be left to the folder's plan is taken from it.
  private func plan(_ model: Model, _ folder: SampleFolder) throws -> SamplePlan {
    let there: SamplePlan?
    do {
      there = try folder.plan()
    } catch SampleSetError.noPlan {
      there = nil
    }
    if let there, there.model != model.weightsChecksumText {
      throw SampleSetError.otherModel(
        path: folder.planPath, recorded: there.model, actual: model.weightsChecksumText)
    }
    let context = try self.model.context()
    let mode = self.model.compute.mode ?? there.flatMap { ComputeMode(rawValue: $0.compute) }
    let level = self.model.cpuLevel?.level ?? there.flatMap { CPULevel(rawValue: $0.cpuLevel) }
    return try SamplePlan(
      model, classes: ids(model.configuration), perClass: perClass, seed: seed,
      seedDevice: seedDevice ?? .cpu, options: filters.options(model.configuration),
      mode: mode ?? context.mode, level: level ?? context.level,
      shards: shards ?? there?.shards ?? 1)
  }

  private func ids(_ configuration: ModelConfiguration) throws -> [Int] {
    let list = ClassList(configuration)
    guard !classes.isEmpty else { return Array(0..<(configuration.transformer?.classes ?? 0)) }
    var ids: [Int] = []
    for choice in try classes.flatMap(list.parse) {
      guard case .label(.id(let id)) = choice else {
        throw ValidationError("A set has classes, each as often as the others; not \(choice.text).")
      }
      if ids.contains(id) { throw SampleSetError.classTwice(id) }
      ids.append(id)
    }
    return ids
  }

  private func compute(of plan: SamplePlan, _ folder: SampleFolder) throws -> Compute {
    guard let mode = ComputeMode(rawValue: plan.compute) else {
      throw SampleSetError.compute(path: folder.planPath, compute: plan.compute)
    }
    guard let level = CPULevel(rawValue: plan.cpuLevel), level.isAvailable else {
      throw SampleSetError.level(path: folder.planPath, level: plan.cpuLevel)
    }
    return try Compute(mode: mode, level: level, threads: model.threads ?? ThreadPool.usableCores)
  }

  private func one(_ shard: Int, _ maker: SampleMaker, _ plan: SamplePlan) throws {
    switch try make(shard, maker, plan) {
    case .made: break
    case .whole: try Console.print(["shard \(shard) is there already"])
    case .held(let held): throw held
    }
  }

  private func all(_ maker: SampleMaker, _ plan: SamplePlan) throws {
    var running = 0
    for shard in 0..<plan.shards {
      switch try make(shard, maker, plan) {
      case .made: if next { return }
      case .whole: break
      case .held: running += 1
      }
    }
    try Console.print([
      running == 0
        ? "all \(Format.count(plan.shards, "shard")) are there"
        : "nothing is left to begin; \(Format.count(running, "shard")) "
          + "\(running == 1 ? "is" : "are") being made by others"
    ])
  }

  private func make(
    _ shard: Int, _ maker: SampleMaker, _ plan: SamplePlan
  ) throws -> SampleMaker.Outcome {
    let clock = ContinuousClock.now
    let line = ProgressLine()
    let outcome = try maker.make(shard) { done, count in
      line.update(
        Double(done) / Double(count),
        "shard \(shard) of \(plan.shards): \(done) of \(count) pictures")
    }
    line.clear()
    if outcome == .made {
      let seconds = (ContinuousClock.now - clock) / .seconds(1)
      try Console.print([
        "shard \(shard): \(Format.count(plan.range(of: shard).count, "picture")) in "
          + Format.duration(seconds)
      ])
    }
    return outcome
  }
}
