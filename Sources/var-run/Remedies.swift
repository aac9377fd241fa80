import VAR
import VARCore
import VAREvaluation
import VARImages
import VARModel
import VARQuant

/// What can be done about an error, in the flags of this program; nil where its message is enough.
///
/// Libraries say what is wrong; which option mends it, only the command line knows.
func remedy(for error: any Error) -> String? {
  switch error {
  case is ModelLocatorError:
    "name one by --model or $VAR_MODEL, or make the demo model by `make demo`"
  case let error as VarqError where error.defect == .notVarq:
    "a checkpoint has to be converted first: var-convert convert \(error.path) --output model.varq"
  case let error as ContentError:
    if case .checksum = error.defect { nil } else { "convert the checkpoint again" }
  case let error as ClassListError: remedy(for: error)
  case let error as LabelError: remedy(for: error)
  case let error as PictureError: remedy(for: error.error)
  case let error as PictureRecordError: remedy(for: error)
  case ModelError.batchOnDevice: "draw fewer at once, or each by itself with --seed-mode image"
  case SamplingError.nonFinite: "--compute f32 holds larger numbers"
  default: nil
  }
}

private func remedy(for error: ClassListError) -> String? {
  if case .unknownName(_, suggestions: []) = error {
    "`var-run info --classes` lists the names"
  } else {
    nil
  }
}

private func remedy(for error: LabelError) -> String? {
  switch error {
  case .noLabels: "put them there, or give --labels FILE.csv with lines path,class"
  case .unknown(let error, place: _): remedy(for: error)
  default: nil
  }
}

private func remedy(for error: ImageError) -> String? {
  switch error {
  case .size: "--fit crop or --fit pad changes it"
  case .elongated: "--fit pad takes it"
  default: nil
  }
}

private func remedy(for error: PictureRecordError) -> String? {
  switch error {
  case .missing: "it is not by var-run, or was written with --no-metadata"
  case .otherModel: "name the right one by --model"
  case .composite: "repeat the command on that picture"
  case .malformed: nil
  }
}
