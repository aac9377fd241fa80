// The state word holds the region's number (high half) and its next unclaimed task (low half). A thread claims a
// task by compare-and-swap, so a claim succeeds only while that very region has unclaimed tasks; the region cannot
// end before the claimed task is done. A thread that wakes late therefore finds nothing to claim and harms nothing,
// and a region never waits for a sleeping thread.
#define _POSIX_C_SOURCE 200809L
#include "cvar_pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "levels/numbers.h"

// How long a thread spins before it sleeps: longer than the serial work between two regions of a transformer block,
// shorter than anything a user would notice as load.
#define SPIN_NANOSECONDS 50000
#define MAX_THREADS 256

typedef struct worker {
  cvar_pool *pool;
  size_t thread;  // index of its scratch memory
  pthread_t handle;
} worker;

struct cvar_pool {
  _Alignas(128) _Atomic uint64_t state;  // region << 32 | next task
  _Atomic(cvar_task) task;               // the region's description, constant while it runs
  _Atomic(void *) context;
  _Atomic uint32_t count;
  _Alignas(128) _Atomic uint32_t done;
  _Alignas(128) _Atomic uint32_t sleepers;
  _Atomic bool caller_waits, stop;

  pthread_mutex_t region;  // held by the thread that runs a region
  pthread_mutex_t sleep;   // guards both conditions
  pthread_cond_t work, finished;
  size_t threads;           // the caller included
  bool (*abandon)(void *);  // null: never
  void *abandon_context;
  _Atomic size_t scratch_capacity;  // of each thread
  _Atomic size_t scratch_limit;
  void **scratch;  // [threads]; 0 is the caller's
  worker *workers;
};

static _Thread_local const cvar_pool *working_for;

static void pause_briefly(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static uint64_t nanoseconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/// Spins until `state` differs from `seen` (true) or the time is up (false).
static bool spin_for_change(cvar_pool *pool, uint64_t seen) {
  const uint64_t start = nanoseconds();
  do {
    for (int i = 0; i < 32; i++) {
      if (atomic_load_explicit(&pool->state, memory_order_acquire) != seen) return true;
      pause_briefly();
    }
  } while (nanoseconds() - start < SPIN_NANOSECONDS);
  return false;
}

/// Whether the rest of a region is to be left out. Asked by the calling thread alone, which it may concern.
static bool is_abandoned(const cvar_pool *pool) {
  return pool->abandon != NULL && pool->abandon(pool->abandon_context);
}

/// Claims and runs tasks until none is left; returns the state in which none was left. Once the region is abandoned,
/// the caller's claims only count: the region ends as always, as soon as the other threads' tasks at hand have.
static uint64_t work(cvar_pool *pool, size_t thread) {
  bool abandoned = false;
  uint64_t state = atomic_load_explicit(&pool->state, memory_order_acquire);
  for (;;) {
    const cvar_task task = atomic_load_explicit(&pool->task, memory_order_acquire);
    void *const context = atomic_load_explicit(&pool->context, memory_order_acquire);
    const uint32_t count = atomic_load_explicit(&pool->count, memory_order_acquire);
    const uint32_t next = (uint32_t)state;
    if (next >= count) return state;
    if (!atomic_compare_exchange_weak_explicit(&pool->state, &state, state + 1, memory_order_acq_rel,
                                               memory_order_acquire)) {
      continue;
    }
    if (!abandoned) task(context, next, pool->scratch[thread]);
    abandoned = abandoned || (thread == 0 && is_abandoned(pool));
    if (atomic_fetch_add(&pool->done, 1) + 1 == count && atomic_load(&pool->caller_waits)) {
      pthread_mutex_lock(&pool->sleep);
      pthread_cond_signal(&pool->finished);
      pthread_mutex_unlock(&pool->sleep);
    }
    state = atomic_load_explicit(&pool->state, memory_order_acquire);
  }
}

static void sleep_until_change(cvar_pool *pool, uint64_t seen) {
  pthread_mutex_lock(&pool->sleep);
  atomic_fetch_add(&pool->sleepers, 1);
  while (atomic_load(&pool->state) == seen && !atomic_load(&pool->stop)) {
    pthread_cond_wait(&pool->work, &pool->sleep);
  }
  atomic_fetch_sub(&pool->sleepers, 1);
  pthread_mutex_unlock(&pool->sleep);
}

static void *worker_main(void *argument) {
  const worker *const self = argument;
  cvar_pool *const pool = self->pool;
  working_for = pool;
  while (!atomic_load(&pool->stop)) {
    const uint64_t seen = work(pool, self->thread);
    if (!spin_for_change(pool, seen)) sleep_until_change(pool, seen);
  }
  return NULL;
}

/// Publishes a region. The state is closed first: whoever reads a new field then fails to claim by the old state.
static void publish(cvar_pool *pool, uint32_t count, cvar_task task, void *context) {
  const uint64_t region = (atomic_load(&pool->state) >> 32) + 1;
  atomic_store(&pool->state, region << 32 | UINT32_MAX);
  atomic_store_explicit(&pool->done, 0, memory_order_relaxed);
  atomic_store_explicit(&pool->task, task, memory_order_release);
  atomic_store_explicit(&pool->context, context, memory_order_release);
  atomic_store_explicit(&pool->count, count, memory_order_release);
  atomic_store(&pool->state, region << 32);
  if (atomic_load(&pool->sleepers) > 0) {
    pthread_mutex_lock(&pool->sleep);
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->sleep);
  }
}

static void wait_until_done(cvar_pool *pool, uint32_t count) {
  const uint64_t start = nanoseconds();
  while (nanoseconds() - start < SPIN_NANOSECONDS) {
    for (int i = 0; i < 32; i++) {
      if (atomic_load_explicit(&pool->done, memory_order_acquire) == count) return;
      pause_briefly();
    }
  }
  pthread_mutex_lock(&pool->sleep);
  atomic_store(&pool->caller_waits, true);
  while (atomic_load(&pool->done) != count) pthread_cond_wait(&pool->finished, &pool->sleep);
  atomic_store(&pool->caller_waits, false);
  pthread_mutex_unlock(&pool->sleep);
}

/// Grows every thread's scratch memory; only between regions.
static bool reserve(cvar_pool *pool, size_t bytes) {
  if (bytes > pool->scratch_limit) return false;
  if (bytes <= pool->scratch_capacity) return true;
  const size_t rounded = cvar_pool_scratch_bytes(bytes, 1);
  if (rounded < bytes) return false;
  pool->scratch_capacity = 0;
  for (size_t thread = 0; thread < pool->threads; thread++) {
    free(pool->scratch[thread]);
    pool->scratch[thread] = aligned_alloc(4096, rounded);
    if (pool->scratch[thread] == NULL) return false;
  }
  pool->scratch_capacity = rounded;
  return true;
}

/// A region within a task: the thread's own scratch memory is that task's, so this one is allocated.
static int run_inline(cvar_pool *pool, size_t count, cvar_task task, void *context, size_t scratch_bytes) {
  const size_t rounded = cvar_round_up(scratch_bytes, 64);
  if (scratch_bytes > pool->scratch_limit || rounded < scratch_bytes) return -1;
  void *const scratch = rounded > 0 ? aligned_alloc(64, rounded) : NULL;
  if (rounded > 0 && scratch == NULL) return -1;
  for (size_t index = 0; index < count; index++) task(context, index, scratch);
  free(scratch);
  return 0;
}

int cvar_pool_run(cvar_pool *pool, size_t count, cvar_task task, void *context, size_t scratch_bytes) {
  if (count == 0) return 0;
  if (working_for == pool || count >= UINT32_MAX) return run_inline(pool, count, task, context, scratch_bytes);
  pthread_mutex_lock(&pool->region);
  const bool ready = reserve(pool, scratch_bytes);
  if (ready) {
    const cvar_pool *const outer = working_for;
    working_for = pool;
    if (count == 1 || pool->threads == 1) {
      for (size_t index = 0; index < count && !is_abandoned(pool); index++) task(context, index, pool->scratch[0]);
    } else {
      publish(pool, (uint32_t)count, task, context);
      work(pool, 0);
      wait_until_done(pool, (uint32_t)count);
    }
    working_for = outer;
  }
  pthread_mutex_unlock(&pool->region);
  return ready ? 0 : -1;
}

void cvar_pool_abandon_when(cvar_pool *pool, bool (*abandon)(void *), void *context) {
  pthread_mutex_lock(&pool->region);
  pool->abandon = abandon;
  pool->abandon_context = context;
  pthread_mutex_unlock(&pool->region);
}

size_t cvar_pool_threads(const cvar_pool *pool) { return pool->threads; }

size_t cvar_pool_scratch_bytes(size_t bytes, size_t threads) { return cvar_round_up(bytes, 4096) * threads; }

size_t cvar_pool_scratch_held(const cvar_pool *pool) { return pool->scratch_capacity * pool->threads; }

void cvar_pool_limit_scratch(cvar_pool *pool, size_t bytes) { pool->scratch_limit = bytes; }

cvar_pool *cvar_pool_create(size_t threads) {
  if (threads < 1) threads = 1;
  if (threads > MAX_THREADS) threads = MAX_THREADS;
  cvar_pool *const pool = aligned_alloc(_Alignof(cvar_pool), sizeof(cvar_pool));
  if (pool == NULL) return NULL;
  memset(pool, 0, sizeof *pool);
  pool->scratch = calloc(threads, sizeof *pool->scratch);
  pool->workers = calloc(threads, sizeof *pool->workers);
  if (pool->scratch == NULL || pool->workers == NULL) {
    free(pool->scratch);
    free(pool->workers);
    free(pool);
    return NULL;
  }
  pthread_mutex_init(&pool->region, NULL);
  pthread_mutex_init(&pool->sleep, NULL);
  pthread_cond_init(&pool->work, NULL);
  pthread_cond_init(&pool->finished, NULL);
  atomic_store(&pool->state, UINT32_MAX);
  pool->scratch_limit = SIZE_MAX;
  pool->threads = 1;
  while (pool->threads < threads) {
    worker *const next = &pool->workers[pool->threads];
    *next = (worker){.pool = pool, .thread = pool->threads};
    if (pthread_create(&next->handle, NULL, worker_main, next) != 0) break;
    pool->threads++;
  }
  return pool;
}

void cvar_pool_destroy(cvar_pool *pool) {
  if (pool == NULL) return;
  pthread_mutex_lock(&pool->sleep);
  atomic_store(&pool->stop, true);
  pthread_cond_broadcast(&pool->work);
  pthread_mutex_unlock(&pool->sleep);
  for (size_t thread = 1; thread < pool->threads; thread++) pthread_join(pool->workers[thread].handle, NULL);
  for (size_t thread = 0; thread < pool->threads; thread++) free(pool->scratch[thread]);
  pthread_cond_destroy(&pool->finished);
  pthread_cond_destroy(&pool->work);
  pthread_mutex_destroy(&pool->sleep);
  pthread_mutex_destroy(&pool->region);
  free(pool->workers);
  free(pool->scratch);
  free(pool);
}
