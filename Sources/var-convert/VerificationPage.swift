import CommandSupport
import VARConversion

/// The page of `verify`.
struct VerificationPage {
  let html: [UInt8]

  init(_ facts: VerificationFacts) {
    var page = HTMLPage(
      title: "What \(facts.file) is made of", verdict: facts.summary, isGood: facts.sound)
    let measured = facts.tensors.filter { $0.sqnr?.value.isFinite == true }
    if !measured.isEmpty {
      let formats = Set(measured.map(\.format)).sorted()
      page.add(
        SVGChart(
          "What storing each tensor has cost", x: .init("tensor, in the order of the file"),
          y: .init("signal to noise, dB"),
          formats.map { format in
            SVGChart.Series(
              format, .points,
              measured.enumerated().filter { $0.element.format == format }.map {
                (Double($0.offset), $0.element.sqnr?.value ?? 0, "")
              })
          }))
    }
    let wrong = facts.tensors.filter { !$0.sound }
    if !wrong.isEmpty {
      page.add(heading: "What is wrong")
      page.add(
        table: ["tensor", "what"],
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
        table: ["SHA-256", ""],
        recorded.map { [$0, given.contains($0) ? "recorded and given" : "recorded"] }
          + given.filter { !recorded.contains($0) }.map { [$0, "given"] })
    }
    if !measured.isEmpty {
      page.add(heading: "Worst tensors")
      page.add(
        table: ["tensor", "format", "SQNR, dB", "largest error", "outcome"],
        measured.sorted { ($0.sqnr?.value ?? 0) < ($1.sqnr?.value ?? 0) }.prefix(20).map { tensor in
          [
            tensor.name, tensor.format, Format.fixed(tensor.sqnr?.value ?? 0, 1),
            VerificationFacts.text(Double(tensor.maxAbs ?? 0)), tensor.outcome?.rawValue ?? "",
          ]
        })
    }
    html = page.html
  }
}
