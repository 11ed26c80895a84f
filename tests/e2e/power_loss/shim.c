/* Records what a process asks of the file system below one folder, in order: every write with its
 * bytes, every change of a directory, every sync. Loaded with LD_PRELOAD into a console whose
 * recovery is then replayed as if the power had failed in the middle.
 *
 * SHIM_FOLDER  the folder, as an absolute path without symbolic links
 * SHIM_RECORD  the file the record is added to, outside that folder
 *
 * Once, right after a call, the process can be made to die, or its next sync of a folder to fail:
 * SHIM_STRIKE  die or fail-sync
 * SHIM_CALL    link, rename, unlink or mkdir
 * SHIM_PATH    what the call's path has to contain
 * SHIM_NTH     which of those calls, counted from 1
 *
 * A record is a line of words, then the counted bytes of its paths or data:
 *   open INODE LENGTH\nPATH              a file that an open may have created
 *   write INODE OFFSET LENGTH\nBYTES     truncate INODE SIZE\n
 *   link LENGTH LENGTH\nFROM TO          rename LENGTH LENGTH\nFROM TO
 *   unlink LENGTH\nPATH                  mkdir INODE LENGTH\nPATH        rmdir LENGTH\nPATH
 *   sync INODE\n                         strange LENGTH\nNAME            a call that is not understood
 *   struck 0\n                           here it died, or a sync failed
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* One call at a time, so that the record has the order in which things happened. */
static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
static FILE *record;
static const char *folder;

static int starts(void)
{
    if (!record) {
        const char *path = getenv("SHIM_RECORD");
        folder = getenv("SHIM_FOLDER");
        if (path && folder)
            record = fopen(path, "ae");
    }
    return record != NULL;
}

static int is_below(const char *path)
{
    if (!starts() || path[0] != '/')
        return 0;
    size_t length = strlen(folder);
    return strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == 0);
}

static int is_below_fd(int fd)
{
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    return is_below(path);
}

/* A path as it was given together with the folder it is relative to, as an absolute path. */
static const char *whole(int at, const char *path, char *into)
{
    char link[64];
    if (path[0] == '/')
        return path;
    if (at == AT_FDCWD)
        return realpath(".", into) && strlen(into) + strlen(path) + 2 < PATH_MAX ? strcat(strcat(into, "/"), path) : path;
    snprintf(link, sizeof link, "/proc/self/fd/%d", at);
    ssize_t length = readlink(link, into, PATH_MAX - 1);
    if (length < 0 || (size_t)length + strlen(path) + 2 > PATH_MAX)
        return path;
    into[length] = '/';
    strcpy(into + length + 1, path);
    return into;
}

static unsigned long inode(int fd)
{
    struct stat found;
    return fstat(fd, &found) == 0 ? (unsigned long)found.st_ino : 0;
}

static void put(const void *bytes, size_t length)
{
    fwrite(bytes, 1, length, record);
    fflush(record);
}

static void strange(const char *name)
{
    fprintf(record, "strange %zu\n", strlen(name));
    put(name, strlen(name));
}

static int fails_next_sync;

/* With the lock held: nobody is between a call and its record when the process dies. */
static void strike(const char *call, const char *path)
{
    static int seen;
    const char *what = getenv("SHIM_STRIKE"), *wanted = getenv("SHIM_CALL");
    const char *part = getenv("SHIM_PATH"), *nth = getenv("SHIM_NTH");
    if (!what || !wanted || !part || !nth || strcmp(call, wanted) != 0 || !strstr(path, part))
        return;
    if (++seen != atoi(nth))
        return;
    if (strcmp(what, "fail-sync") == 0) {
        fails_next_sync = 1;
        return;
    }
    fprintf(record, "struck 0\n");
    put("", 0);
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

static int sync_fails(int fd)
{
    struct stat found;
    if (!fails_next_sync || !is_below_fd(fd) || fstat(fd, &found) != 0 || !S_ISDIR(found.st_mode))
        return 0;
    fails_next_sync = 0;
    fprintf(record, "struck 0\n");
    put("", 0);
    errno = EIO;
    return 1;
}

#define REAL(name, type, ...) ((type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name))
#define BEGIN pthread_mutex_lock(&one)
#define END(result) do { int kept = errno; pthread_mutex_unlock(&one); errno = kept; return result; } while (0)

static int opened(int fd, const char *path, int flags)
{
    if (fd >= 0 && (flags & (O_CREAT | O_TRUNC)) && is_below(path)) {
        fprintf(record, "open %lu %zu\n", inode(fd), strlen(path));
        put(path, strlen(path));
        if (flags & O_TRUNC)
            fprintf(record, "truncate %lu 0\n", inode(fd));
    }
    return fd;
}

#define MODE(flags, mode) mode_t mode = 0; \
    if (flags & (O_CREAT | O_TMPFILE)) { va_list rest; va_start(rest, flags); mode = va_arg(rest, mode_t); va_end(rest); }

int open(const char *path, int flags, ...)
{
    MODE(flags, mode)
    BEGIN;
    int fd = opened(REAL("open", int, const char *, int, mode_t)(path, flags, mode), path, flags);
    END(fd);
}

int open64(const char *path, int flags, ...)
{
    MODE(flags, mode)
    BEGIN;
    int fd = opened(REAL("open64", int, const char *, int, mode_t)(path, flags, mode), path, flags);
    END(fd);
}

int openat(int at, const char *path, int flags, ...)
{
    MODE(flags, mode)
    BEGIN;
    char full[PATH_MAX];
    int fd = opened(REAL("openat", int, int, const char *, int, mode_t)(at, path, flags, mode), whole(at, path, full), flags);
    END(fd);
}

int openat64(int at, const char *path, int flags, ...)
{
    MODE(flags, mode)
    BEGIN;
    char full[PATH_MAX];
    int fd = opened(REAL("openat64", int, int, const char *, int, mode_t)(at, path, flags, mode), whole(at, path, full), flags);
    END(fd);
}

static void wrote(int fd, off_t offset, const void *bytes, ssize_t length)
{
    fprintf(record, "write %lu %lld %zd\n", inode(fd), (long long)offset, length);
    put(bytes, (size_t)length);
}

ssize_t write(int fd, const void *bytes, size_t length)
{
    /* Pipes and terminals are the most of it, and are not waited for with the lock held. */
    if (!is_below_fd(fd))
        return REAL("write", ssize_t, int, const void *, size_t)(fd, bytes, length);
    BEGIN;
    ssize_t done = REAL("write", ssize_t, int, const void *, size_t)(fd, bytes, length);
    if (done > 0)
        wrote(fd, lseek(fd, 0, SEEK_CUR) - done, bytes, done);
    END(done);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset)
{
    BEGIN;
    ssize_t done = REAL("pwrite64", ssize_t, int, const void *, size_t, off64_t)(fd, bytes, length, offset);
    if (done > 0 && is_below_fd(fd))
        wrote(fd, offset, bytes, done);
    END(done);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    if (is_below_fd(fd)) {
        BEGIN;
        strange("writev");
        pthread_mutex_unlock(&one);
    }
    return REAL("writev", ssize_t, int, const struct iovec *, int)(fd, parts, count);
}

ssize_t copy_file_range(int from, off64_t *at, int to, off64_t *at_to, size_t length, unsigned flags)
{
    if (is_below_fd(to)) {
        BEGIN;
        strange("copy_file_range");
        pthread_mutex_unlock(&one);
    }
    return REAL("copy_file_range", ssize_t, int, off64_t *, int, off64_t *, size_t, unsigned)(from, at, to, at_to, length, flags);
}

int ftruncate64(int fd, off64_t size)
{
    BEGIN;
    int done = REAL("ftruncate64", int, int, off64_t)(fd, size);
    if (done == 0 && is_below_fd(fd)) {
        fprintf(record, "truncate %lu %lld\n", inode(fd), (long long)size);
        put("", 0);
    }
    END(done);
}

static void moved(const char *what, const char *from, const char *to)
{
    fprintf(record, "%s %zu %zu\n", what, strlen(from), strlen(to));
    put(from, strlen(from));
    put(to, strlen(to));
    strike(what, to);
}

int linkat(int at, const char *from, int at_to, const char *to, int flags)
{
    BEGIN;
    char full[PATH_MAX], full_to[PATH_MAX];
    int done = REAL("linkat", int, int, const char *, int, const char *, int)(at, from, at_to, to, flags);
    from = whole(at, from, full);
    to = whole(at_to, to, full_to);
    if (done == 0 && is_below(to))
        moved("link", from, to);
    END(done);
}

int link(const char *from, const char *to)
{
    BEGIN;
    int done = REAL("link", int, const char *, const char *)(from, to);
    if (done == 0 && is_below(to))
        moved("link", from, to);
    END(done);
}

int renameat(int at, const char *from, int at_to, const char *to)
{
    BEGIN;
    char full[PATH_MAX], full_to[PATH_MAX];
    int done = REAL("renameat", int, int, const char *, int, const char *)(at, from, at_to, to);
    from = whole(at, from, full);
    to = whole(at_to, to, full_to);
    if (done == 0 && is_below(to))
        moved("rename", from, to);
    END(done);
}

int rename(const char *from, const char *to)
{
    BEGIN;
    int done = REAL("rename", int, const char *, const char *)(from, to);
    if (done == 0 && is_below(to))
        moved("rename", from, to);
    END(done);
}

static void gone(const char *what, const char *path)
{
    fprintf(record, "%s %zu\n", what, strlen(path));
    put(path, strlen(path));
    strike(what, path);
}

int unlink(const char *path)
{
    BEGIN;
    int done = REAL("unlink", int, const char *)(path);
    if (done == 0 && is_below(path))
        gone("unlink", path);
    END(done);
}

int unlinkat(int at, const char *path, int flags)
{
    BEGIN;
    char full[PATH_MAX];
    int done = REAL("unlinkat", int, int, const char *, int)(at, path, flags);
    path = whole(at, path, full);
    if (done == 0 && is_below(path))
        gone(flags & AT_REMOVEDIR ? "rmdir" : "unlink", path);
    END(done);
}

int rmdir(const char *path)
{
    BEGIN;
    int done = REAL("rmdir", int, const char *)(path);
    if (done == 0 && is_below(path))
        gone("rmdir", path);
    END(done);
}

static void made(const char *path)
{
    struct stat folder;
    if (is_below(path) && stat(path, &folder) == 0) {
        fprintf(record, "mkdir %lu %zu\n", (unsigned long)folder.st_ino, strlen(path));
        put(path, strlen(path));
        strike("mkdir", path);
    }
}

int mkdirat(int at, const char *path, mode_t mode)
{
    BEGIN;
    char full[PATH_MAX];
    int done = REAL("mkdirat", int, int, const char *, mode_t)(at, path, mode);
    if (done == 0)
        made(whole(at, path, full));
    END(done);
}

int mkdir(const char *path, mode_t mode)
{
    BEGIN;
    int done = REAL("mkdir", int, const char *, mode_t)(path, mode);
    if (done == 0)
        made(path);
    END(done);
}

static void synced(int fd)
{
    if (is_below_fd(fd)) {
        fprintf(record, "sync %lu\n", inode(fd));
        put("", 0);
    }
}

int fsync(int fd)
{
    BEGIN;
    if (sync_fails(fd))
        END(-1);
    int done = REAL("fsync", int, int)(fd);
    if (done == 0)
        synced(fd);
    END(done);
}

int fdatasync(int fd)
{
    BEGIN;
    if (sync_fails(fd))
        END(-1);
    int done = REAL("fdatasync", int, int)(fd);
    if (done == 0)
        synced(fd);
    END(done);
}
