#define _GNU_SOURCE
#include "openblas.h"

#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

// Of cblas.h and LAPACK.
enum { ROW_MAJOR = 101, NO_TRANSPOSE = 111, TRANSPOSE = 112, LOWER = 122 };
typedef void (*sgemm)(int, int, int, int, int, int, float, const float *, int, const float *, int, float, float *, int);
typedef void (*ssyrk)(int, int, int, int, int, float, const float *, int, float, float *, int);
typedef void (*spotrf)(const char *, const int *, float *, const int *, int *);
typedef void (*strtri)(const char *, const char *, const int *, float *, const int *, int *);
typedef void (*dgemm)(int, int, int, int, int, int, double, const double *, int, const double *, int, double, double *,
                      int);
typedef void (*dsyrk)(int, int, int, int, int, double, const double *, int, double, double *, int);
typedef void (*dsyevd)(const char *, const char *, const int *, double *, const int *, double *, double *, const int *, int *,
                       const int *, int *);

static struct {
    void *library;
    sgemm multiply;
    ssyrk square;
    spotrf factor;
    strtri invert;
    dgemm multiply_double;
    dsyrk square_double;
    dsyevd eigen;
    const char *(*kind)(void);
} blas;

/// A kind of CPU whose kernels need no more than this one has; NULL to leave it to the library.
static const char *safe_kind(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512cd"))
        return "SkylakeX";
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return "Haswell";
#endif
    return NULL;
}

/// Whether there is room for the library and the buffers that it takes for each thread: where there is none, it tries
/// for ever. Only a limit of addresses (ulimit -v) refuses them.
static int has_room(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return 1;
    const long threads = sysconf(_SC_NPROCESSORS_ONLN);
    const size_t size = ((size_t)(threads < 1 ? 1 : threads) << 27) + ((size_t)64 << 20);
    void *const room = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return room != MAP_FAILED && munmap(room, size) == 0;
}

const char *openblas_open(void) {
    if (blas.library) return NULL;
    if (!has_room()) return "there is no memory for its buffers; raise the limit (ulimit -v)";
    const char *const kind = safe_kind();
    // Not over the user's own choice: he may know better which kernels of his build are sound.
    if (kind) setenv("OPENBLAS_CORETYPE", kind, 0);
    setenv("OPENBLAS_NUM_THREADS", "1", 1);
    static const char *const names[] = {"libopenblas.so.0", "libopenblas.so", "libopenblas.dylib"};
    void *library = NULL;
    // Of the usual name: the others are rarely there.
    static char first_reason[500];
    for (size_t i = 0; !library && i < sizeof names / sizeof names[0]; i++) {
        library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
        const char *const reason = library || i > 0 ? NULL : dlerror();
        if (reason) snprintf(first_reason, sizeof first_reason, "%s", reason);
    }
    if (!library) {
        // A library that is there may lack memory.
        if (strstr(first_reason, "No such file")) return "the library is not installed";
        return first_reason;
    }
    blas.multiply = (sgemm)dlsym(library, "cblas_sgemm");
    blas.square = (ssyrk)dlsym(library, "cblas_ssyrk");
    blas.factor = (spotrf)dlsym(library, "spotrf_");
    blas.invert = (strtri)dlsym(library, "strtri_");
    blas.multiply_double = (dgemm)dlsym(library, "cblas_dgemm");
    blas.square_double = (dsyrk)dlsym(library, "cblas_dsyrk");
    blas.eigen = (dsyevd)dlsym(library, "dsyevd_");
    blas.kind = (const char *(*)(void))dlsym(library, "openblas_get_corename");
    void (*const set_threads)(int) = (void (*)(int))dlsym(library, "openblas_set_num_threads");
    if (!blas.multiply || !blas.square || !blas.factor || !blas.invert || !blas.multiply_double ||
        !blas.square_double || !blas.eigen || !blas.kind || !set_threads) {
        dlclose(library);
        return "the library lacks functions of BLAS or LAPACK";
    }
    set_threads(1);
    blas.library = library;
    return NULL;
}

const char *openblas_kind(void) { return blas.kind(); }

static int operation(int transpose) { return transpose ? TRANSPOSE : NO_TRANSPOSE; }

void openblas_multiply(int transpose_a, int transpose_b, int m, int n, int k, float alpha, const float *a, int a_stride,
                       const float *b, int b_stride, float beta, float *c, int c_stride) {
    blas.multiply(ROW_MAJOR, operation(transpose_a), operation(transpose_b), m, n, k, alpha, a, a_stride, b, b_stride, beta,
                  c, c_stride);
}

void openblas_square(int transpose, int n, int k, float alpha, const float *a, int a_stride, float *c, int c_stride) {
    blas.square(ROW_MAJOR, LOWER, operation(transpose), n, k, alpha, a, a_stride, 1, c, c_stride);
}

// LAPACK is column-major: its upper triangle is our lower one, and R with A = Rᵀ·R is our Lᵀ.

int openblas_cholesky(int n, float *a, int stride) {
    int info = 0;
    blas.factor("U", &n, a, &stride, &info);
    return info;
}

int openblas_invert_triangle(int n, float *a, int stride) {
    int info = 0;
    blas.invert("U", "N", &n, a, &stride, &info);
    return info;
}

void openblas_square_double(int n, int k, const double *a, double *c) {
    blas.square_double(ROW_MAJOR, LOWER, TRANSPOSE, n, k, 1, a, n, 1, c, n);
}

void openblas_multiply_double(int n, const double *a, const double *b, double *c) {
    blas.multiply_double(ROW_MAJOR, NO_TRANSPOSE, NO_TRANSPOSE, n, n, n, 1, a, n, b, n, 0, c, n);
}

int openblas_eigen(int n, int vectors, double *a, double *values, double *work, int *whole) {
    int info = 0;
    const int work_size = 1 + 6 * n + 2 * n * n, whole_size = 3 + 5 * n;
    blas.eigen(vectors ? "V" : "N", "U", &n, a, &n, values, work, &work_size, whole, &whole_size, &info);
    return info;
}
