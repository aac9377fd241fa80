import VAR
import VARCore
import VAREvaluation

/// What can be done about an error, in the flags of this program; nil where its message is enough.
///
/// Libraries say what is wrong; which option mends it, only the command line knows.
func remedy(for error: any Error) -> String? {
  switch error {
  case PictureRecordError.otherModel: "name the right one by --model"
  case LabelError.noLabels: "give --labels FILE.csv with lines path,class, or make such sub-folders"
  case SamplingError.nonFinite: "try --compute f32"
  default: nil
  }
}
