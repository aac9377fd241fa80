// OpenBLAS, opened when a program first needs it: programs that never calibrate run without it.
//
// It is not linked, for two reasons. Its initialiser chooses kernels by the CPU's model number and reads the
// environment as soon as it is loaded; builds older than a CPU take it for one of another kind, and have computed wrong
// products then. So the kind is set before the library is opened, by the features that the CPU has. And it starts threads
// of its own, which would stand in the way of ours.
#ifndef OPENBLAS_H
#define OPENBLAS_H

/// Opens the library, once; safe to call again, not from several threads at a time. Returns NULL, or what is wrong.
const char *openblas_open(void);

/// The kind of CPU whose kernels run, such as "SKYLAKEX"; after opening.
const char *openblas_kind(void);

/// C[m, n] = alpha·op(A)·op(B) + beta·C, all row-major; op(A) is A [m, k], or Aᵀ of A [k, m]; op(B) is B [k, n], or Bᵀ of
/// B [n, k].
void openblas_multiply(int transpose_a, int transpose_b, int m, int n, int k, float alpha, const float *a, int a_stride,
                       const float *b, int b_stride, float beta, float *c, int c_stride);

/// The lower triangle of C[n, n] += alpha·A·Aᵀ of A [n, k]; or alpha·Aᵀ·A of A [k, n], with `transpose`.
void openblas_square(int transpose, int n, int k, float alpha, const float *a, int a_stride, float *c, int c_stride);

/// Replaces the lower triangle of A [n, n], row-major, by L with A = L·Lᵀ. Returns 0, or the 1-based row at which A turned
/// out not to be positive definite.
int openblas_cholesky(int n, float *a, int stride);

/// Replaces a lower triangular A [n, n], row-major, by its inverse. Returns 0, or the 1-based row of a zero.
int openblas_invert_triangle(int n, float *a, int stride);

/// The lower triangle of C[n, n] += Aᵀ·A of A [k, n], in double.
void openblas_square_double(int n, int k, const double *a, double *c);

/// C[n, n] = A·B of square matrices, row-major, in double.
void openblas_multiply_double(int n, const double *a, const double *b, double *c);

/// The eigenvalues of a symmetric A [n, n], ascending, of which the lower triangle is read; with `vectors`, row i of A
/// becomes the eigenvector of values[i], else A is undefined. `work` has room for 1 + 6n + 2n² numbers, `whole` for 3 + 5n.
/// Returns 0, or LAPACK's complaint.
int openblas_eigen(int n, int vectors, double *a, double *values, double *work, int *whole);

#endif
