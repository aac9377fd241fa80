// A persistent pool of threads. A region of work costs well under a microsecond while the threads are awake;
// idle threads sleep.
#ifndef CVAR_POOL_H
#define CVAR_POOL_H

#include <stdbool.h>
#include <stddef.h>

typedef struct cvar_pool cvar_pool;

/// One task of a region. `scratch` belongs to the running thread until the task returns.
typedef void (*cvar_task)(void *context, size_t task, void *scratch);

/// Starts a pool of `threads` threads, the caller of a region counted: threads − 1 are created. Fewer run when the
/// system refuses to start them. Null when memory is out.
cvar_pool *cvar_pool_create(size_t threads);

/// Stops and joins the threads. No region may be running.
void cvar_pool_destroy(cvar_pool *pool);

/// Threads that work on a region.
size_t cvar_pool_threads(const cvar_pool *pool);

/// Runs the tasks 0 ..< count, each once, in any order, and returns when all are done. `scratch_bytes` are at each
/// task's disposal, 64-byte aligned, contents undefined. A call from within a task runs its tasks one after another
/// on that thread; calls from several threads take turns. Returns 0, or −1 when the scratch memory cannot be had
/// (nothing ran then); a region without scratch memory cannot fail. Threads keep what they have for later regions.
int cvar_pool_run(cvar_pool *pool, size_t count, cvar_task task, void *context, size_t scratch_bytes);

/// What `threads` threads hold after a region with `bytes` of scratch memory.
size_t cvar_pool_scratch_bytes(size_t bytes, size_t threads);

/// The scratch memory that the pool's threads hold.
size_t cvar_pool_scratch_held(const cvar_pool *pool);

/// Refuses later regions more than `bytes` of scratch memory, as if the system had no more. Not while a region runs.
void cvar_pool_limit_scratch(cvar_pool *pool, size_t bytes);

/// From now on regions end early once `abandon(context)` is true, which their calling thread asks between tasks: what
/// they should have computed is then undefined, and the caller must ask the same before it uses that. Null: never.
void cvar_pool_abandon_when(cvar_pool *pool, bool (*abandon)(void *context), void *context);

/// The cores this process may use: its affinity mask, limited by the CPU quota of its control groups
/// (v2 `cpu.max`, v1 `cpu.cfs_quota_us`), rounded up; at least 1.
size_t cvar_usable_cores(void);

#endif
