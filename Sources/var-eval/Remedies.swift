import LinearAlgebra
import VARQuant

/// What can be done about an error, in the flags of this program; nil where its message is enough.
func remedy(for error: any Error) -> String? {
  switch error {
  case is BLAS.Unavailable: "install libopenblas0 (Debian and its like)"
  case let error as VarqError where error.defect == .notVarq:
    "weights have to be converted first: var-eval convert-inception \(error.path) --output inception.varq"
  default: nil
  }
}
