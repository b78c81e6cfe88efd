#include "simdisk.h"

#include "cmocka_all.h"

#include "base/assert.h"

#include <stdio.h>

static struct simdisk *sim(void *ctx)
{
    return ctx;
}

/* ---- names ---- */

static int name_find(const struct simdisk_name *names, const char *path)
{
    for (int i = 0; i < SIMDISK_NAMES; i++) {
        if (names[i].file >= 0 && strcmp(names[i].path, path) == 0) {
            return i;
        }
    }
    return -1;
}

static int name_file(const struct simdisk_name *names, const char *path)
{
    int i = name_find(names, path);
    return i < 0 ? -1 : names[i].file;
}

static void name_set(struct simdisk_name *names, const struct simdisk_name *to)
{
    int i = name_find(names, to->path);
    for (int k = 0; i < 0 && k < SIMDISK_NAMES; k++) {
        i = names[k].file < 0 ? k : -1;
    }
    assert_true(i >= 0);
    names[i] = *to;
}

static struct simdisk_name name_of(const char *path, int file)
{
    struct simdisk_name n = {.file = file};
    assert_true((size_t)snprintf(n.path, sizeof(n.path), "%s", path) < sizeof(n.path));
    return n;
}

static void apply(struct simdisk_name *names, const struct simdisk_change *c)
{
    for (int i = 0; i < c->n; i++) {
        name_set(names, &c->set[i]);
    }
}

static void change(struct simdisk *d, const struct simdisk_change *c)
{
    apply(d->seen, c);
    assert_true(d->n_pending < SIMDISK_PENDING);
    d->pending[d->n_pending++] = *c;
}

static bool is_in(const char *path, const char *folder)
{
    size_t n = strlen(folder);
    return strncmp(path, folder, n) == 0 && path[n] == '/' && strchr(path + n + 1, '/') == NULL;
}

static bool folder_is_there(const struct simdisk *d, const char *path)
{
    for (int i = 0; i < d->n_folders; i++) {
        if (is_in(path, d->folders[i])) {
            return true;
        }
    }
    return false;
}

/* ---- failing and dying ---- */

static bool is_dead(const struct simdisk *d)
{
    return d->die_at >= 0 && d->steps >= d->die_at;
}

/* 0, or what this call answers instead of doing anything. */
static int enter(struct simdisk *d)
{
    d->calls++;
    if (d->calls == d->fail_at) {
        return d->fail_err;
    }
    return is_dead(d) ? -LP2P_E_IO : 0;
}

static int enter_step(struct simdisk *d)
{
    int err = enter(d);
    d->steps += err == 0;
    return err;
}

/* ---- the seam ---- */

static int open_as(struct simdisk *d, int file, bool read_only, int *ret)
{
    for (int i = 0; i < SIMDISK_OPEN; i++) {
        if (d->open[i] < 0) {
            d->open[i] = file;
            d->read_only[i] = read_only;
            *ret = i;
            return 0;
        }
    }
    return -LP2P_E_NO_FDS;
}

static struct simdisk_file *file_of(struct simdisk *d, int fd)
{
    assert_in_range(fd, 0, SIMDISK_OPEN - 1);
    assert_true(d->open[fd] >= 0);
    return &d->files[d->open[fd]];
}

static int sim_open_read(void *ctx, const char *path, int *ret_file)
{
    struct simdisk *d = sim(ctx);
    LP2P_TRY(enter(d));
    int file = name_file(d->seen, path);
    if (file < 0) {
        return -LP2P_E_NOT_FOUND;
    }
    if (d->files[file].kind == SIMDISK_SYMLINK) {
        return -LP2P_E_UNSUPPORTED;
    }
    return open_as(d, file, true, ret_file);
}

static int sim_info(void *ctx, int file, struct whtnxt_file_info *ret)
{
    struct simdisk *d = sim(ctx);
    LP2P_TRY(enter(d));
    const struct simdisk_file *f = file_of(d, file);
    int names = 0;
    for (int i = 0; i < SIMDISK_NAMES; i++) {
        names += d->seen[i].file == d->open[file];
    }
    *ret = (struct whtnxt_file_info){
        .regular = f->kind == SIMDISK_FILE,
        .ours = !f->foreign,
        .alone = names == 1,
        .mode = f->mode,
        .size = f->n_seen,
    };
    return 0;
}

static int sim_read(void *ctx, int file, uint8_t *p, size_t n, size_t *ret_n)
{
    struct simdisk *d = sim(ctx);
    LP2P_TRY(enter(d));
    const struct simdisk_file *f = file_of(d, file);
    *ret_n = LP2P_MIN(n, f->n_seen);
    memcpy(p, f->seen, *ret_n);
    return 0;
}

static int file_new(struct simdisk *d)
{
    for (int i = 0; i < SIMDISK_FILES; i++) {
        if (!d->files[i].used) {
            d->files[i] = (struct simdisk_file){.used = true, .mode = 0600};
            return i;
        }
    }
    fail_msg("the simulated disk has too few files");
    return -1;
}

static int sim_create(void *ctx, const char *path, int *ret_file)
{
    struct simdisk *d = sim(ctx);
    LP2P_TRY(enter_step(d));
    if (!folder_is_there(d, path)) {
        return -LP2P_E_NOT_FOUND;
    }
    if (name_file(d->seen, path) >= 0) {
        return -LP2P_E_EXISTS;
    }
    int file = file_new(d);
    change(d, &(struct simdisk_change){.set = {name_of(path, file)}, .n = 1});
    return open_as(d, file, false, ret_file);
}

static int sim_write(void *ctx, int file, const uint8_t *p, size_t n)
{
    struct simdisk *d = sim(ctx);
    struct simdisk_file *f = file_of(d, file);
    assert_false(d->read_only[file]);
    int err = enter_step(d);
    /* A disk that is full took some of it. */
    size_t take = err == 0 ? n : is_dead(d) ? 0 : n / 2;
    assert_true(f->n_seen + take <= SIMDISK_SIZE);
    memcpy(f->seen + f->n_seen, p, take);
    f->n_seen += take;
    return err;
}

static int sim_sync(void *ctx, int file)
{
    struct simdisk *d = sim(ctx);
    struct simdisk_file *f = file_of(d, file);
    LP2P_TRY(enter_step(d));
    if (!d->lies) {
        memcpy(f->safe, f->seen, f->n_seen);
        f->n_safe = f->n_seen;
    }
    return 0;
}

static void sim_close(void *ctx, int file)
{
    (void)file_of(sim(ctx), file);
    sim(ctx)->open[file] = -1;
}

static int sim_rename(void *ctx, const char *from, const char *to, bool keep)
{
    struct simdisk *d = sim(ctx);
    LP2P_TRY(enter_step(d));
    int file = name_file(d->seen, from);
    if (file < 0) {
        return -LP2P_E_NOT_FOUND;
    }
    if (keep && name_file(d->seen, to) >= 0) {
        return -LP2P_E_EXISTS;
    }
    if (!keep || !d->no_atomic) {
        change(d, &(struct simdisk_change){.set = {name_of(to, file), name_of(from, -1)}, .n = 2});
        return 0;
    }
    change(d, &(struct simdisk_change){.set = {name_of(to, file)}, .n = 1});
    LP2P_TRY(enter_step(d));
    change(d, &(struct simdisk_change){.set = {name_of(from, -1)}, .n = 1});
    return 0;
}

static int sim_remove(void *ctx, const char *path)
{
    struct simdisk *d = sim(ctx);
    LP2P_TRY(enter_step(d));
    if (name_file(d->seen, path) < 0) {
        return -LP2P_E_NOT_FOUND;
    }
    change(d, &(struct simdisk_change){.set = {name_of(path, -1)}, .n = 1});
    return 0;
}

static int sim_sync_folder(void *ctx, const char *path)
{
    struct simdisk *d = sim(ctx);
    LP2P_TRY(enter_step(d));
    int left = 0;
    for (int i = 0; i < d->n_pending; i++) {
        if (is_in(d->pending[i].set[0].path, path)) {
            apply(d->safe, &d->pending[i]);
        } else {
            d->pending[left++] = d->pending[i];
        }
    }
    d->n_pending = left;
    return 0;
}

static int sim_make_folder(void *ctx, const char *path)
{
    struct simdisk *d = sim(ctx);
    LP2P_TRY(enter_step(d));
    for (int i = 0; i < d->n_folders; i++) {
        if (strcmp(d->folders[i], path) == 0) {
            return 0;
        }
    }
    assert_true(d->n_folders < SIMDISK_FOLDERS);
    snprintf(d->folders[d->n_folders++], SIMDISK_PATH, "%s", path);
    return 0;
}

/* ---- the test's side ---- */

void simdisk_init(struct simdisk *d)
{
    *d = (struct simdisk){
        .disk = {.ctx = d,
                 .open_read = sim_open_read,
                 .info = sim_info,
                 .read = sim_read,
                 .create = sim_create,
                 .write = sim_write,
                 .sync = sim_sync,
                 .close = sim_close,
                 .rename = sim_rename,
                 .remove = sim_remove,
                 .sync_folder = sim_sync_folder,
                 .make_folder = sim_make_folder},
        .die_at = -1,
    };
    for (int i = 0; i < SIMDISK_NAMES; i++) {
        d->seen[i].file = -1;
        d->safe[i].file = -1;
    }
    simdisk_restart(d);
}

int simdisk_put(struct simdisk *d, const char *path, const void *p, size_t n)
{
    int file = file_new(d);
    struct simdisk_file *f = &d->files[file];
    assert_true(n <= SIMDISK_SIZE);
    memcpy(f->seen, p, n);
    memcpy(f->safe, p, n);
    f->n_seen = f->n_safe = n;
    simdisk_link(d, path, file);
    return file;
}

void simdisk_link(struct simdisk *d, const char *path, int file)
{
    struct simdisk_change c = {.set = {name_of(path, file)}, .n = 1};
    apply(d->seen, &c);
    apply(d->safe, &c);
}

struct simdisk_file *simdisk_at(struct simdisk *d, const char *path)
{
    int file = name_file(d->seen, path);
    return file < 0 ? NULL : &d->files[file];
}

void simdisk_restart(struct simdisk *d)
{
    for (int i = 0; i < SIMDISK_OPEN; i++) {
        d->open[i] = -1;
    }
    d->steps = 0;
    d->die_at = -1;
    d->calls = 0;
    d->fail_at = 0;
}

static void lose(struct simdisk_file *f, enum simdisk_loss loss)
{
    bool synced = f->n_seen == f->n_safe && memcmp(f->seen, f->safe, f->n_seen) == 0;
    if (synced || loss == SIMDISK_KEPT) {
        memcpy(f->safe, f->seen, f->n_seen);
        f->n_safe = f->n_seen;
    } else if (loss == SIMDISK_CUT) {
        f->n_safe = f->n_seen / 2;
        memcpy(f->safe, f->seen, f->n_safe);
    } else if (loss == SIMDISK_ZEROED) {
        f->n_safe = f->n_seen;
        memset(f->safe, 0, f->n_safe);
    }
    memcpy(f->seen, f->safe, f->n_safe);
    f->n_seen = f->n_safe;
}

void simdisk_power_loss(struct simdisk *d, enum simdisk_loss loss, unsigned names)
{
    for (int i = 0; i < d->n_pending; i++) {
        if ((names >> i & 1U) != 0) {
            apply(d->safe, &d->pending[i]);
        }
    }
    d->n_pending = 0;
    memcpy(d->seen, d->safe, sizeof(d->seen));
    for (int i = 0; i < SIMDISK_FILES; i++) {
        lose(&d->files[i], loss);
    }
    simdisk_restart(d);
}

int simdisk_open_files(const struct simdisk *d)
{
    int n = 0;
    for (int i = 0; i < SIMDISK_OPEN; i++) {
        n += d->open[i] >= 0;
    }
    return n;
}
