import Foundation
import TestSupport
import Testing
import VAREvaluation

@Suite struct ScalingTests {
  @Test func aPowerLawIsFoundExactly() throws {
    let points = [1e4, 1e5, 3e5, 1e6, 1e7].map { (x: $0, y: 7 * pow($0, -0.2)) }
    let law = try #require(PowerLaw(points))
    #expect(abs(law.exponent + 0.2) < 1e-12)
    #expect(abs(law.factor - 7) < 1e-9)
    #expect(abs(law.correlation + 1) < 1e-12)
    #expect(law.exponentMargin < 1e-10)
    #expect(abs(law.prediction(at: 1e9).value / (7 * pow(1e9, -0.2)) - 1) < 1e-9)
  }

  /// scipy.stats.linregress of the logarithms, and t.ppf(0.975, 3) times its standard error.
  @Test func marginsAreStudents() throws {
    let (x, y) = ([1e4, 1e5, 3e5, 1e6, 1e7], [3.0, 2.1, 1.6, 1.4, 0.9])
    let law = try #require(PowerLaw(Array(zip(x, y)).map { (x: $0.0, y: $0.1) }))
    #expect(abs(law.exponent + 0.17438197602955563) < 1e-9)
    #expect(abs(law.correlation + 0.9972643801187064) < 1e-9)
    #expect(abs(law.exponentMargin - 0.02374856643186466) < 1e-4)
  }

  @Test func whatHasNoLawHasNone() {
    #expect(PowerLaw([(x: 1, y: 1)]) == nil)
    #expect(PowerLaw([(x: 1, y: 1), (x: 1, y: 2)]) == nil)
    #expect(PowerLaw([(x: 1, y: 1), (x: 2, y: -2)]) == nil)
    #expect(PowerLaw([]) == nil)
  }

  private func write(_ folder: TemporaryFolder, _ name: String, _ parameters: Double) throws
    -> String
  {
    let loss = 9 * pow(parameters, -0.1)
    let way = [0.25, 0.5, 1].map { share in
      "{\"training_flop\": \(share * parameters * 1e6), \"loss\": \(loss + 1 - share)}"
    }.joined(separator: ", ")
    let text = """
      {"L_tail": \(loss), "L_mean": \(loss), "Err_tail": 0.5, "Err_mean": 0.5, "images": 10, "per_scale": [],
       "scaling": {"name": "\(name)", "parameters": \(parameters), "training_flop": \(parameters * 1e6), "way": [\(way)]}}
      """
    try folder.write(Array(text.utf8), to: name + ".json")
    return folder.file(name + ".json")
  }

  @Test func theLargestIsHeldAgainstTheOthers() throws {
    let folder = try TemporaryFolder()
    let paths = try [1e6, 1e4, 1e5, 1e3].map { try write(folder, "n\(Int($0))", $0) }
    let study = try ScalingStudy(paths)
    #expect(study.members.map(\.scaling.parameters) == [1e3, 1e4, 1e5, 1e6])
    let law = try #require(study.laws.first)
    #expect(law.name == "L, last scale" && law.against == "parameters")
    let held = try #require(law.held)
    #expect(held.x == 1e6 && abs(held.predicted / held.measured - 1) < 1e-9)
    // The frontier falls, and has no moment that another beat with less.
    let frontier = study.frontier
    #expect(zip(frontier, frontier.dropFirst()).allSatisfy { $0.x < $1.x && $0.y > $1.y })
    #expect(frontier.last?.x == 1e12)
  }

  @Test func whatIsNoEvaluationIsNamed() throws {
    let folder = try TemporaryFolder()
    let sound = try write(folder, "a", 1e3)
    for text in ["", "{}", "[", "{\"L_tail\": 1}"] {
      try folder.write(Array(text.utf8), to: "x.json")
      #expect(throws: ScalingError.noEvaluation(path: folder.file("x.json"))) {
        _ = try ScalingStudy([sound, folder.file("x.json")])
      }
    }
    #expect(throws: ScalingError.tooFew(sizes: 1)) { _ = try ScalingStudy([sound, sound]) }
    let negative = try String(contentsOfFile: sound, encoding: .utf8)
      .replacingOccurrences(of: "\"parameters\": 1000.0", with: "\"parameters\": -1")
    try folder.write(Array(negative.utf8), to: "x.json")
    #expect(throws: ScalingError.numbers(path: folder.file("x.json"))) {
      _ = try ScalingStudy([folder.file("x.json")])
    }
  }
}
