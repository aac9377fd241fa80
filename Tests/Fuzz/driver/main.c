// libFuzzer's side of the targets: FUZZ_TARGET in the environment names the one that is run.
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

void fuzz_run(int32_t target, const uint8_t *bytes, size_t count);
int32_t fuzz_target(const char *name);

static int32_t target = -1;

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc;
  (void)argv;
  const char *name = getenv("FUZZ_TARGET");
  target = name ? fuzz_target(name) : -1;
  if (target >= 0) return 0;
  fprintf(stderr, "FUZZ_TARGET must name a target: see Tests/Fuzz/Targets/FuzzTarget.swift\n");
  exit(64);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
  fuzz_run(target, bytes, count);
  return 0;
}
