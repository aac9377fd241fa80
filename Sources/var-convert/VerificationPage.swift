import CommandSupport
import VARConversion

/// The page of `verify`.
struct VerificationPage {
  let html: [UInt8]

  init(_ facts: VerificationFacts) {
    var page = HTMLPage(
      title: "What \(facts.file) is made of", verdict: facts.summary, isGood: facts.sound)
    let wrong = facts.tensors.filter { !$0.sound }
    if !wrong.isEmpty {
      page.add(heading: "What is wrong")
      page.add(
        table: "Tensors that are not what they should be", ["tensor", "what"],
        wrong.map { tensor in
          let what =
            tensor.defect ?? (tensor.outcome == .missing ? "no source has it" : nil)
            ?? VerificationFacts.change(tensor)
          return [tensor.name, what]
        })
    }
    if let recorded = facts.recorded, let given = facts.given {
      page.add(heading: "Sources")
      page.add(
        table: "The files that it was converted from", ["SHA-256", "which"],
        recorded.map { [$0, given.contains($0) ? "recorded and given" : "recorded"] }
          + given.filter { !recorded.contains($0) }.map { [$0, "given"] })
    }
    let measured = facts.tensors.filter { $0.sqnr != nil }
    let chart = WeightsChart(
      measured.map { .init(name: $0.name, format: $0.format, ratio: $0.sqnr?.value ?? .infinity) })
    if !measured.isEmpty {
      page.add(heading: "Weights")
      page.add(
        text: "\(measured.count { $0.sqnr?.value == .infinity }) of "
          + "\(Format.count(measured.count, "tensor")) have the values of the sources; what the others' "
          + "formats have cost is the noise.")
    }
    page.add(chart.byBlock)
    page.add(chart.byTensor)
    let tensors = Dictionary(measured.map { ($0.name, $0) }) { first, _ in first }
    page.add(
      table: "The worst tensors", ["tensor", "format", "SQNR, dB", "largest error", "outcome"],
      chart.worst(20).map { worst in
        let tensor = tensors[worst.name]
        return [
          worst.name, worst.format, Format.fixed(worst.ratio, 1),
          VerificationFacts.text(Double(tensor?.maxAbs ?? 0)), tensor?.outcome?.rawValue ?? "",
        ]
      })
    let outcomes = Dictionary(grouping: facts.tensors) { $0.outcome?.rawValue ?? "not compared" }
    page.add(
      table: "Outcomes", ["outcome", "tensors", "elements"],
      outcomes.sorted { $0.key < $1.key }.map { outcome, tensors in
        [outcome, String(tensors.count), String(tensors.reduce(0) { $0 + $1.elements })]
      })
    html = page.html
  }
}
