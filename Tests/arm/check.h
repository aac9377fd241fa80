// A small harness in C, so that the kernels of another architecture can be run by an emulator without Swift.
#ifndef CHECK_H
#define CHECK_H

#include <stddef.h>
#include <stdint.h>

#include "cvar_image.h"

/// Roughly normal numbers, one in 64 four times as large; the same for a seed everywhere.
void fill_numbers(float *x, size_t count, uint64_t seed);

/// Memory, 64-byte aligned, filled with 0xff bytes (NaN as floats), so that what is not written shows.
void *allocate(size_t bytes);

/// Compares with the scalar twin's result: equal bits when `tolerance` is 0, else ‖a − b‖ ≤ tolerance · ‖b‖.
/// Prints and counts what differs.
void check_equal(const char *what, const float *result, const float *expected, size_t count, double tolerance);

extern int checks, failures;

/// Threads that share the kernels' tasks.
extern cvar_pool *pool;

/// Each room's checks of one level against the scalar twin.
void check_linear(cvar_level level);
void check_rows(cvar_level level);
void check_image(cvar_level level);

#endif
