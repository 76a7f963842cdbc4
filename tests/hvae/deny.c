/* Denies one call of the file system below a folder, for tests/hvae/cli/test_denied_calls.py: loaded before libc. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

#define FILES 4096
static char root[4096];
static atomic_int made, target = -1;
static char kinds[65536];
static char below[FILES];

void deny(const char *folder, int number) {
    snprintf(root, sizeof root, "%s", folder);
    memset(below, 0, sizeof below);
    made = 0;
    target = number;
}
int denied_of(void) { return made; }
const char *denied_kinds(void) { return kinds; }

static int watched(const char *path) { return *root && path && !strncmp(path, root, strlen(root)); }

/* Whether this call is the one to be denied; every call is counted, from 1. */
static int now(char kind, int code) {
    int number = ++made;
    if (number < (int)sizeof kinds) kinds[number - 1] = kind;
    if (number != target) return 0;
    errno = code;
    return 1;
}
static int opened(int descriptor, const char *path) {
    if (descriptor >= 0 && descriptor < FILES) below[descriptor] = watched(path);
    return descriptor;
}
static int on(int descriptor) { return *root && descriptor >= 0 && descriptor < FILES && below[descriptor]; }
#define REAL(name) static __typeof__(name) *real; if (!real) real = dlsym(RTLD_NEXT, #name)
#define MODE mode_t mode = 0; if (flags & (O_CREAT | O_TMPFILE)) { va_list rest; va_start(rest, flags); mode = va_arg(rest, int); va_end(rest); }
#define WRITES ((flags & O_ACCMODE) != O_RDONLY || flags & O_CREAT)
#define OPENS(name) \
    int name(const char *path, int flags, ...) { \
        REAL(name); MODE \
        if (watched(path) && now(WRITES ? 'c' : 'o', WRITES ? ENOSPC : EACCES)) return -1; \
        return opened(real(path, flags, mode), path); \
    }
#define OPENSAT(name) \
    int name(int at, const char *path, int flags, ...) { \
        REAL(name); MODE \
        if (watched(path) && now(WRITES ? 'c' : 'o', WRITES ? ENOSPC : EACCES)) return -1; \
        return opened(real(at, path, flags, mode), path); \
    }
OPENS(open) OPENS(open64) OPENSAT(openat) OPENSAT(openat64)
int close(int descriptor) { REAL(close); if (descriptor >= 0 && descriptor < FILES) below[descriptor] = 0; return real(descriptor); }
ssize_t write(int descriptor, const void *from, size_t size) { REAL(write); if (on(descriptor) && now('w', ENOSPC)) return -1; return real(descriptor, from, size); }
ssize_t read(int descriptor, void *to, size_t size) { REAL(read); if (on(descriptor) && now('r', EIO)) return -1; return real(descriptor, to, size); }
ssize_t pread64(int descriptor, void *to, size_t size, off64_t at) { REAL(pread64); if (on(descriptor) && now('r', EIO)) return -1; return real(descriptor, to, size, at); }
int mkdir(const char *path, mode_t mode) { REAL(mkdir); if (watched(path) && now('m', EROFS)) return -1; return real(path, mode); }
int rename(const char *from, const char *to) { REAL(rename); if (watched(to) && now('n', ENOSPC)) return -1; return real(from, to); }
