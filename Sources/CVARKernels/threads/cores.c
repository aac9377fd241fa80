// How many cores the process may use: the affinity mask, and the CPU quota of every control group it is in. Both exist
// on Linux alone; elsewhere (untried) the machine's cores count.
#if defined(__linux__)
#define _GNU_SOURCE
#include <sched.h>
#endif
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cvar_pool.h"

#if !defined(__linux__)

size_t cvar_usable_cores(void) {
  const long count = sysconf(_SC_NPROCESSORS_ONLN);
  return count > 0 ? (size_t)count : 1;
}

#else

#define PATH_BYTES 4096

static size_t affinity_cores(void) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  const int count = CPU_COUNT(&set);
  return count > 0 ? (size_t)count : 1;
}

static bool read_line(const char *path, char *line, int bytes) {
  FILE *const file = fopen(path, "re");
  if (file == NULL) return false;
  const bool read = fgets(line, bytes, file) != NULL;
  fclose(file);
  return read;
}

static void limit_by(size_t *cores, long long quota, long long period) {
  if (quota <= 0 || period <= 0) return;
  const long long rounded_up = (quota - 1) / period + 1;
  if ((unsigned long long)rounded_up < *cores) *cores = (size_t)rounded_up;
}

/// `cpu.max` holds "QUOTA PERIOD" or "max PERIOD", in microseconds.
static void limit_by_v2(size_t *cores, const char *directory) {
  char path[PATH_BYTES], line[64];
  long long quota, period;
  snprintf(path, sizeof path, "%s/cpu.max", directory);
  if (read_line(path, line, sizeof line) && sscanf(line, "%lld %lld", &quota, &period) == 2) {
    limit_by(cores, quota, period);
  }
}

static void limit_by_v1(size_t *cores, const char *directory) {
  char path[PATH_BYTES], line[64];
  snprintf(path, sizeof path, "%s/cpu.cfs_quota_us", directory);
  if (!read_line(path, line, sizeof line)) return;
  const long long quota = atoll(line);
  snprintf(path, sizeof path, "%s/cpu.cfs_period_us", directory);
  if (read_line(path, line, sizeof line)) limit_by(cores, quota, atoll(line));
}

/// Applies `limit` to root/group and each of its parents up to root. Inside a container the group's own path may
/// not exist below the mount; root alone then counts.
static void limit_upwards(size_t *cores, const char *root, const char *group, void (*limit)(size_t *, const char *)) {
  char path[PATH_BYTES];
  const size_t root_length = strlen(root);
  snprintf(path, sizeof path, "%s%s", root, group);
  for (;;) {
    limit(cores, path);
    char *const slash = strrchr(path, '/');
    if (slash == NULL || slash < path + root_length) return;
    *slash = 0;
  }
}

size_t cvar_usable_cores(void) {
  size_t cores = affinity_cores();
  FILE *const file = fopen("/proc/self/cgroup", "re");
  if (file == NULL) return cores;
  char line[PATH_BYTES];
  while (fgets(line, sizeof line, file) != NULL) {  // "ID:CONTROLLERS:/GROUP"
    line[strcspn(line, "\n")] = 0;
    char *const controllers = strchr(line, ':');
    char *const group = controllers != NULL ? strchr(controllers + 1, ':') : NULL;
    if (group == NULL) continue;
    *group = 0;
    if (controllers[1] == 0) {
      limit_upwards(&cores, "/sys/fs/cgroup", group + 1, limit_by_v2);
    } else if (strcmp(controllers + 1, "cpu") == 0 || strstr(controllers, "cpu,cpuacct") != NULL) {
      limit_upwards(&cores, "/sys/fs/cgroup/cpu", group + 1, limit_by_v1);
    }
  }
  fclose(file);
  return cores;
}

#endif
