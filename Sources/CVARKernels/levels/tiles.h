// How register tiles, arrays of sums that must stay in registers, are told to the compiler.
#ifndef CVAR_TILES_H
#define CVAR_TILES_H

// Only whole unrolling keeps an array in registers.
#define CVAR_UNROLL _Pragma("clang loop unroll(full)")

// Rows' addresses are built from two pointers, so that each is one base, one stride and a constant: a loop of 24
// multiply-adds has no room for address arithmetic. Keeps the compiler from deriving one pointer from the other.
#define CVAR_KEEP_TWO(a, b) __asm__("" : "+r"(a), "+r"(b))

// Runs `tile(…, rows)` with a constant number of rows, 1 to `most` (1, 2, 3, 6 or 12).
#define CVAR_ROWS_CASES(most, rows, tile, ...) CVAR_ROWS_CASES_(most, rows, tile, __VA_ARGS__)

// clang-format off
#define CVAR_ROWS_CASES_(most, rows, tile, ...) switch (rows) { CVAR_ROWS_##most(tile, __VA_ARGS__) }
#define CVAR_ROWS_CASE(rows, tile, ...) case rows: tile(__VA_ARGS__, rows); break;
#define CVAR_ROWS_1(tile, ...) CVAR_ROWS_CASE(1, tile, __VA_ARGS__)
#define CVAR_ROWS_2(tile, ...) CVAR_ROWS_1(tile, __VA_ARGS__) CVAR_ROWS_CASE(2, tile, __VA_ARGS__)
#define CVAR_ROWS_3(tile, ...) CVAR_ROWS_2(tile, __VA_ARGS__) CVAR_ROWS_CASE(3, tile, __VA_ARGS__)
#define CVAR_ROWS_6(tile, ...) CVAR_ROWS_3(tile, __VA_ARGS__) CVAR_ROWS_CASE(4, tile, __VA_ARGS__) \
  CVAR_ROWS_CASE(5, tile, __VA_ARGS__) CVAR_ROWS_CASE(6, tile, __VA_ARGS__)
#define CVAR_ROWS_12(tile, ...) CVAR_ROWS_6(tile, __VA_ARGS__) CVAR_ROWS_CASE(7, tile, __VA_ARGS__) \
  CVAR_ROWS_CASE(8, tile, __VA_ARGS__) CVAR_ROWS_CASE(9, tile, __VA_ARGS__) CVAR_ROWS_CASE(10, tile, __VA_ARGS__) \
  CVAR_ROWS_CASE(11, tile, __VA_ARGS__) CVAR_ROWS_CASE(12, tile, __VA_ARGS__)
// clang-format on

#endif
