#include "main/logfile.h"

#include "main/disk.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void open_file(struct whtnxt_logfile *l)
{
    struct stat st;
    l->fd = open(l->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (l->fd >= 0 && (fstat(l->fd, &st) != 0 || !S_ISREG(st.st_mode))) {
        close(l->fd);
        l->fd = -1;
    }
    l->size = l->fd >= 0 ? (uint64_t)st.st_size : 0;
}

/* JOURNAL_STREAM names device and inode of the stream that the journal reads (systemd.exec(5)). */
static bool is_journal(void)
{
    struct stat st;
    char mine[64];
    const char *stream = getenv("JOURNAL_STREAM");
    if (stream == NULL || fstat(STDERR_FILENO, &st) != 0) {
        return false;
    }
    snprintf(mine, sizeof(mine), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    return strcmp(stream, mine) == 0;
}

void whtnxt_logfile_open(struct whtnxt_logfile *l, const char *folder, bool foreground)
{
    const struct whtnxt_disk *disk = whtnxt_disk_real();
    *l = (struct whtnxt_logfile){.fd = -1, .foreground = foreground, .journal = is_journal()};
    int n = snprintf(l->path, sizeof(l->path), "%s/log", folder);
    if (n > 0 && (size_t)n < sizeof(l->path) && disk->make_folder(disk->ctx, folder) == 0) {
        open_file(l);
    }
}

void whtnxt_logfile_close(struct whtnxt_logfile *l)
{
    if (l->fd >= 0) {
        close(l->fd);
        l->fd = -1;
    }
}

static void rotate(struct whtnxt_logfile *l)
{
    char old[4100];
    snprintf(old, sizeof(old), "%s.1", l->path);
    whtnxt_logfile_close(l);
    if (rename(l->path, old) != 0) {
        /* Better no log than one without end. */
        (void)unlink(l->path);
    }
    open_file(l);
}

void whtnxt_logfile_write(struct whtnxt_logfile *l, uint64_t wall_ms, int priority,
                          const char *level, const char *text)
{
    char when[32];
    char line[1024];
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;
    if (gmtime_r(&seconds, &tm) == NULL || strftime(when, sizeof(when), "%FT%TZ", &tm) == 0) {
        when[0] = '\0';
    }
    if (l->foreground && l->journal) {
        fprintf(stderr, "<%d>%s\n", priority, text);
    } else if (l->foreground) {
        fprintf(stderr, "%s %s\n", level, text);
    }
    int n = snprintf(line, sizeof(line), "%s %s %s\n", when, level, text);
    size_t len = n < 0 ? 0 : (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1;
    if (l->fd < 0 || len == 0) {
        return;
    }
    if (l->size + len > WHTNXT_LOGFILE_MAX) {
        rotate(l);
    }
    if (l->fd >= 0 && write(l->fd, line, len) == (ssize_t)len) {
        l->size += len;
    }
}
