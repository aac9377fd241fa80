import LinearAlgebra
import VARCalibration
import VARConversion
import VARModel
import VARQuant

/// What can be done about an error, in the flags of this program; nil where its message is enough.
///
/// Libraries say what is wrong; which option mends it, only the command line knows.
func remedy(for error: any Error) -> String? {
  switch error {
  case let error as ArchitectureError:
    switch error {
    case .wrongHalf(_, .transformer): "give it with --vae"
    case .wrongHalf(_, .tokenizer): "give it with --var"
    case .ambiguous, .noSuchRoot: "name one with --root (of convert and verify)"
    case .unknownPatchNumbers: "give them to convert with --patch-nums"
    default: nil
    }
  case let error as VarqError where error.defect == .notVarq:
    "a checkpoint has to be converted first: var-convert convert \(error.path) --output model.varq"
  case ConversionError.noClasses: "--class-names needs the checkpoint of the transformer"
  case SensitivityError.sizeOutOfReach:
    "allow more; without --vae there is no VQ-VAE in the file, which costs about a tenth"
  case SensitivityError.divergenceOutOfReach: "choose --type f16 or bf16"
  case RecipeError.unmatched: "--dry-run lists their names"
  case CalibrationError.halfModel: "give both --var and --vae, or --calibrate none"
  case CalibrationError.nothingToCalibrate: "leave out --calibrate, or choose a --type of few bits"
  case let error as BLAS.Unavailable where error.reason.hasSuffix("not installed"):
    "install it (Debian: apt install libopenblas0), or convert with --calibrate none"
  case is BLAS.Unavailable: "or convert with --calibrate none"
  default: nil
  }
}
