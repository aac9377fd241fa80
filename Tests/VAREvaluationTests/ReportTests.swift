import Foundation
import Testing
import VARCore
import VAREvaluation

@Suite struct ReportTests {
  @Test func runningMean() {
    var mean = RunningMean()
    #expect(mean.standardError == 0)
    for value in [1.0, 2, 4, 5] { mean.add(value) }
    #expect(mean.count == 4)
    #expect(mean.mean == 3)
    // Sample variance 10/3, over 4, root.
    #expect(abs(mean.standardError - (10.0 / 12).squareRoot()) < 1e-15)
  }

  private func score(_ losses: [Double], _ errors: [Int]) -> ImageScore {
    ImageScore(
      scales: zip([1, 4], zip(losses, errors)).map {
        ScaleScore(tokens: $0, loss: $1.0, errors: $1.1)
      })
  }

  @Test func evaluationReport() throws {
    var report = EvaluationReport(patchNumbers: [1, 2])
    try report.add(score([1, 8], [0, 2]))
    try report.add(score([2, 4], [1, 0]))
    #expect(report.images == 2)
    #expect(abs(report.mean.loss.mean - (9.0 / 5 + 6.0 / 5) / 2) < 1e-15)
    #expect(report.tail.loss.mean == 1.5)
    #expect(report.tail.error.mean == 0.25)
    #expect(report.tail.loss.standardError == 0.5)
    #expect(report.perScale.map(\.error.mean) == [0.5, 0.25])
    #expect(throws: ModelError.tokenMaps(expected: [1, 4], actual: [1])) {
      try report.add(ImageScore(scales: [ScaleScore(tokens: 1, loss: 0, errors: 0)]))
    }
  }

  @Test func evaluationReportAsJSON() throws {
    var report = EvaluationReport(patchNumbers: [1, 2])
    try report.add(score([1, 8], [0, 2]))
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    let text = String(decoding: try encoder.encode(report), as: UTF8.self)
    #expect(
      text == """
        {"Err_mean":0.4,"Err_mean_se":0,"Err_tail":0.5,"Err_tail_se":0,"L_mean":1.8,\
        "L_mean_se":0,"L_tail":2,"L_tail_se":0,"images":1,"per_scale":[{"err":0,"err_se":0,\
        "loss":1,"loss_se":0,"scale":0,"side":1},{"err":0.5,"err_se":0,"loss":2,"loss_se":0,\
        "scale":1,"side":2}]}
        """)
  }

  @Test func histogram() {
    let values = [0, 1e-13, 1.5e-12, 2e-12, 5e-12, 1.0, 2, 99, 1e9, .infinity, .nan]
    var histogram = DivergenceHistogram(values)
    #expect(histogram.counts.reduce(0, +) == values.count)
    #expect(histogram.counts[0...2] == [2, 2, 1])
    // 1 and 2 from 10^0 to 10^½; 99 and what is beyond in the last one.
    #expect(histogram.counts[25] == 2)
    #expect(histogram.counts[28] == 4)
    let bins = histogram.bins
    #expect(bins.count == 29 && bins[0].middle < DivergenceHistogram.least)
    #expect(abs(bins[25].middle - pow(10, 0.25)) < 1e-9)
    histogram.add(DivergenceHistogram([1]))
    #expect(histogram.counts[25] == 3)
    #expect(DivergenceHistogram().bins.isEmpty)
    #expect(DivergenceHistogram([1]).bins.map(\.count) == [1])
  }

  @Test func logSoftmax() {
    let left: [Float] = [0, 1, 2]
    let right: [Float] = [2, 1, 0]
    let normalizer = log(1 + exp(1.0) + exp(2.0))
    #expect(abs(LogSoftmax.normalizer(left.span) - normalizer) < 1e-6)
    #expect(LogSoftmax.argmax(left.span) == 2)
    #expect(LogSoftmax.argmax([3, 3, 1].span) == 0)
    #expect(LogSoftmax.divergence(left.span, left.span) == 0)
    let expected = (1 * (-2) + exp(2.0) * 2) / exp(normalizer)
    #expect(abs(LogSoftmax.divergence(left.span, right.span) - expected) < 1e-6)
  }
}
