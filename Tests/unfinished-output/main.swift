// Begins a file under a hidden name and waits to be ended by a signal; for the tests.
import CTemporaries
import Foundation
import TensorBytes

temporaries_remove_on_signals()
let outputs = Outputs(reading: [])
let writer = try AtomicFileWriter(outputs.file(CommandLine.arguments[1]), unnamed: false)
try writer.append([1])
try StandardOutput.write(Array("ready\n".utf8))
withExtendedLifetime(writer) { while true { sleep(60) } }
