#include "cli/cli.h"

#include "base/assert.h"
#include "base/mem.h"
#include "ipc/base64.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Larger than any key main writes. */
#define KEY_FILE_MAX 256U

struct wish {
    bool yes;
    bool force;
    bool base64;
    const char *file;
};

/* ---- show ---- */

static int show(struct cli *c, const struct wish *w)
{
    (void)w;
    int exit_code;
    json_t *o = cli_ask(c, WHTNXT_METHOD_IDENTITY_GET, NULL, &exit_code);
    if (o != NULL && c->json) {
        cli_print_json(o, false);
    } else if (o != NULL) {
        bool has = *cli_text(o, "peerId") != '\0';
        printf("Peer id  %s\nKey      %s\nFile     %s\n", has ? cli_text(o, "peerId") : "-",
               has ? cli_text(o, "keyType") : "cannot be used: whtnxt status", cli_text(o, "path"));
    }
    json_decref(o);
    return exit_code;
}

/* ---- new, import ---- */

/* Asks before the old link dies. */
static int confirm(struct cli *c, const struct wish *w)
{
    int exit_code;
    char question[320];
    if (w->yes) {
        return CLI_OK;
    }
    json_t *o = cli_ask(c, WHTNXT_METHOD_IDENTITY_GET, NULL, &exit_code);
    if (o == NULL) {
        return exit_code;
    }
    snprintf(question, sizeof(question),
             "Your link stops working, everybody needs the new one; connections end for a moment.\n"
             "The key of %s is kept beside the new one. Replace it?",
             *cli_text(o, "peerId") != '\0' ? cli_text(o, "peerId") : "now, which cannot be used,");
    json_decref(o);
    return cli_confirm(c, question) ? CLI_OK : CLI_FAILED;
}

static void report_replaced(struct cli *c, const json_t *o)
{
    if (c->json) {
        cli_print_json(o, false);
        return;
    }
    puts(cli_text(o, "peerId"));
    fflush(stdout);
    if (!json_is_true(json_object_get(o, "changed"))) {
        fputs("That was your identity before.\n", stderr);
    } else if (*cli_text(o, "kept") != '\0') {
        fprintf(stderr, "The old key is kept as %s\n", cli_text(o, "kept"));
    }
    if (json_is_true(json_object_get(o, "exposed"))) {
        cli_complain(c, "Others on this computer can read the file that key came from.",
                     "Remove it, or: chmod 600 FILE");
    }
}

/* `params` is taken over. */
static int replace(struct cli *c, const struct wish *w, enum whtnxt_method method, json_t *params)
{
    int exit_code = confirm(c, w);
    if (exit_code != CLI_OK) {
        json_decref(params);
        return exit_code;
    }
    json_t *o = cli_ask(c, method, params, &exit_code);
    if (o != NULL) {
        report_replaced(c, o);
    }
    json_decref(o);
    return exit_code;
}

static int renew(struct cli *c, const struct wish *w)
{
    return replace(c, w, WHTNXT_METHOD_IDENTITY_NEW, NULL);
}

/* Main runs in another folder. NULL after the reason was printed. */
static json_t *path_params(const struct cli *c, const char *file)
{
    char here[4096] = "";
    char path[8192];
    if (file[0] != '/' && getcwd(here, sizeof(here)) == NULL) {
        cli_complain(c, "The folder that you are in has no path.", "Give the whole path.");
        return NULL;
    }
    snprintf(path, sizeof(path), "%s%s%s", here, file[0] != '/' ? "/" : "", file);
    json_t *params = json_pack("{s:s}", "path", path);
    if (params == NULL) {
        cli_complain(c, "That path is no text (UTF-8).", "");
    }
    return params;
}

static int import(struct cli *c, const struct wish *w)
{
    json_t *params = path_params(c, w->file);
    return params != NULL ? replace(c, w, WHTNXT_METHOD_IDENTITY_IMPORT, params) : CLI_USAGE;
}

/* ---- export ---- */

static int export_file(struct cli *c, const struct wish *w)
{
    int exit_code;
    json_t *params = path_params(c, w->file);
    if (params == NULL) {
        return CLI_USAGE;
    }
    json_object_set_new(params, "force", json_boolean(w->force));
    json_object_set_new(params, "base64", json_boolean(w->base64));
    json_t *o = cli_ask(c, WHTNXT_METHOD_IDENTITY_EXPORT, params, &exit_code);
    if (o != NULL) {
        fputs("Whoever has this file is you: keep it secret.\n", stderr);
    }
    json_decref(o);
    return exit_code;
}

/* The key file itself, as careful as main: no link, ours alone, no larger than a key. */
static int read_key(const char *path, uint8_t key[static KEY_FILE_MAX], size_t *ret_n)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return -1;
    }
    bool good = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == getuid() &&
                (st.st_mode & 077) == 0 && st.st_size > 0 && st.st_size <= KEY_FILE_MAX;
    ssize_t n = good ? read(fd, key, KEY_FILE_MAX) : -1;
    close(fd);
    *ret_n = n > 0 ? (size_t)n : 0;
    return n > 0 && n == st.st_size ? 0 : -1;
}

/* The key must not lie in a buffer of standard output that nobody wipes. */
static int put_out(const struct cli *c, const uint8_t *p, size_t n)
{
    while (n > 0) {
        ssize_t put = write(STDOUT_FILENO, p, n);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            cli_complain(c, "Standard output cannot be written.", "");
            return CLI_FAILED;
        }
        p += put;
        n -= (size_t)put;
    }
    return CLI_OK;
}

/*
 * Main starts first: it made the key, or says why it cannot be used. Then the file is read here, so
 * that the key never travels over the socket.
 */
static int export_out(struct cli *c, const struct wish *w)
{
    uint8_t key[KEY_FILE_MAX];
    uint8_t text[2 * KEY_FILE_MAX];
    size_t n = 0;
    int exit_code;
    json_t *o = cli_ask(c, WHTNXT_METHOD_IDENTITY_GET, NULL, &exit_code);
    if (o == NULL) {
        return exit_code;
    }
    bool terminal = isatty(STDOUT_FILENO) == 1;
    if (*cli_text(o, "peerId") == '\0' || read_key(cli_text(o, "path"), key, &n) != 0) {
        cli_complain(c, "Your identity key cannot be used.", "See: whtnxt status");
        exit_code = whtnxt_cause_exit(WHTNXT_CAUSE_KEY_REFUSED);
    } else if (!w->base64 && !terminal) {
        exit_code = put_out(c, key, n);
    } else {
        /* Bytes are nothing for a terminal. */
        struct lp2p_mspan room = {.p = text, .n = sizeof(text) - 1};
        LP2P_ASSERT(whtnxt_base64_encode(lp2p_span(key, n), room, &n) == 0);
        text[n++] = '\n';
        exit_code = put_out(c, text, n);
    }
    if (exit_code == CLI_OK && terminal) {
        cli_complain(c, "That is your secret key: whoever reads it is you.", "Clear the screen.");
    }
    lp2p_wipe(key, sizeof(key));
    lp2p_wipe(text, sizeof(text));
    json_decref(o);
    return exit_code;
}

static int export(struct cli *c, const struct wish *w)
{
    return strcmp(w->file, "-") == 0 ? export_out(c, w) : export_file(c, w);
}

/* ---- the command ---- */

static const struct verb {
    const char *name;
    bool file;
    int (*run)(struct cli *c, const struct wish *w);
} verbs[] = {
    {"show", false, show},
    {"new", false, renew},
    {"import", true, import},
    {"export", true, export},
};

static const struct verb *find_verb(const char *name)
{
    for (size_t i = 0; i < LP2P_COUNT(verbs); i++) {
        if (strcmp(verbs[i].name, name) == 0) {
            return &verbs[i];
        }
    }
    return NULL;
}

static int run(struct cli *c, int n, char **words, struct wish *w)
{
    bool started;
    const struct verb *v = n > 0 ? find_verb(words[0]) : NULL;
    if (v == NULL || n != (v->file ? 2 : 1)) {
        return cli_usage_of("identity");
    }
    w->file = v->file ? words[1] : NULL;
    int exit_code = cli_start_main(c, &started);
    return exit_code == CLI_OK ? v->run(c, w) : exit_code;
}

int cmd_identity(struct cli *c, int argc, char **argv)
{
    static const struct option table[] = {
        {"yes", no_argument, NULL, 'y'},
        {"force", no_argument, NULL, 'f'},
        {"base64", no_argument, NULL, 'b'},
        {"json", no_argument, NULL, 'j'},
        {NULL, 0, NULL, 0},
    };
    struct wish w = {.file = NULL};
    for (int o = cli_option(c, argc, argv, "", table); o != CLI_OPTIONS_END;
         o = cli_option(c, argc, argv, "", table)) {
        if (o == CLI_OPTION_BAD) {
            return CLI_USAGE;
        }
        w.yes |= o == 'y';
        w.force |= o == 'f';
        w.base64 |= o == 'b';
        c->json |= o == 'j';
    }
    return run(c, argc - optind, argv + optind, &w);
}
