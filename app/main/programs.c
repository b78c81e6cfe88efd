#include "main/programs.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOOK_MS 1000U

static bool put_path(char out[static WHTNXT_PATH_SIZE], const char *folder, const char *name)
{
    int n = snprintf(out, WHTNXT_PATH_SIZE, "%s/%s", folder, name);
    return n > 0 && (size_t)n < WHTNXT_PATH_SIZE;
}

static void find_node(struct whtnxt_programs *p)
{
    char folder[WHTNXT_PATH_SIZE];
    snprintf(folder, sizeof(folder), "%s", p->self);
    char *slash = strrchr(folder, '/');
    if (slash != NULL) {
        *slash = '\0';
        if (put_path(p->node, folder, "whtnxt-node") && access(p->node, X_OK) == 0) {
            return;
        }
        if (put_path(p->node, folder, "../libexec/whtnxt/whtnxt-node")) {
            return;
        }
    }
    snprintf(p->node, sizeof(p->node), "whtnxt-node");
}

void whtnxt_programs_init(struct whtnxt_programs *p)
{
    *p = (struct whtnxt_programs){.looked = 0};
    ssize_t n = readlink("/proc/self/exe", p->self, sizeof(p->self) - 1);
    p->self[n > 0 ? n : 0] = '\0';
    find_node(p);
    /* The link leads to the file that runs, whatever its name stands for by now. */
    (void)stat("/proc/self/exe", &p->self_was);
    (void)stat(p->node, &p->node_was);
}

static bool is_other(const char *path, const struct stat *was)
{
    struct stat is;
    if (was->st_ino == 0 || stat(path, &is) != 0) {
        return false;
    }
    return is.st_dev != was->st_dev || is.st_ino != was->st_ino || is.st_size != was->st_size ||
           is.st_mtim.tv_sec != was->st_mtim.tv_sec || is.st_mtim.tv_nsec != was->st_mtim.tv_nsec;
}

bool whtnxt_programs_changed(struct whtnxt_programs *p, uint64_t now_ms)
{
    if (p->looked == 0 || now_ms - p->looked >= LOOK_MS) {
        p->looked = now_ms;
        p->changed = is_other(p->self, &p->self_was) || is_other(p->node, &p->node_was);
    }
    return p->changed;
}

int whtnxt_programs_become(const struct whtnxt_programs *p, char **argv)
{
    execv(p->self, argv);
    fprintf(stderr, "whtnxtd: %s cannot be started anew\n", p->self);
    return 1;
}
