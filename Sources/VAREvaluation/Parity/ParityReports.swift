/// What the comparisons with all runs of a reference found.
package struct ParityReports: Sendable, Encodable {
  /// One a run.
  package let runs: [ParityReport]
  /// Whether every run is within its limits.
  package let passed: Bool

  /// Sums up.
  package init(_ runs: [ParityReport]) {
    self.runs = runs
    passed = runs.allSatisfy(\.passed)
  }
}
