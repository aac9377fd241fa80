import VAR

let arguments = CommandLine.arguments
let session = try Session(Model(path: arguments[1]))
for try await event in session.events(for: Request(.named(arguments[2]), seed: 1)) {
  switch event {
  case .scale(let scale): print("scale \(scale.scale + 1) of \(scale.scales)")
  case .picture(let picture): try picture.write(to: arguments[3], replacing: true)
  }
}
