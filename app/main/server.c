#include "main/server.h"

#include "base/assert.h"
#include "base/list.h"
#include "lp2p/error.h"
#include "main/disk.h"
#include "main/socket.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* The patience of clients is looked at this often in its length. */
#define SWEEPS 10U

struct client {
    struct lp2p_list node;
    struct whtnxt_server *server;
    uv_pipe_t pipe;
    uv_write_t write;
    struct whtnxt_lines in;
    struct lp2p_buf out;     /* answers that wait */
    struct lp2p_buf sending; /* the one under way */
    uint64_t begun;          /* ms: its line began, or its answer was ready; 0: it owes nothing */
    uint64_t active;         /* ms: it came, or had its last answer */
    bool busy;               /* a write is under way */
    bool last;               /* hung up on when it is done */
    bool surplus;            /* there was no place for it */
    bool closing;
};

/* A socket at the path; one that lost its path stays until its handle is closed. */
struct listener {
    uv_pipe_t pipe;
};

struct whtnxt_server {
    uv_loop_t *loop;
    struct listener *listener;
    struct stat file; /* of the socket */
    int gone_err;     /* of the last try to make it anew */
    uv_timer_t watch;
    uv_timer_t sweep;
    struct lp2p_list clients;
    size_t n_clients; /* surplus ones not counted */
    size_t n_surplus;
    unsigned patience;
    uint64_t swept;
    whtnxt_server_fn *fn;
    void *ctx;
    void (*on_gone)(void *ctx, int err);
    char folder[4096];
    char path[4096];
    unsigned handles; /* not closed yet */
    bool closing;
};

static struct client *client_of(struct lp2p_list *node)
{
    return LP2P_CONTAINER(node, struct client, node);
}

static void server_drop_handle(struct whtnxt_server *s)
{
    s->handles--;
    if (s->handles == 0) {
        lp2p_free(lp2p_mem_default(), s);
    }
}

static void server_handle_closed(uv_handle_t *handle)
{
    server_drop_handle(handle->data);
}

static void listener_closed(uv_handle_t *handle)
{
    struct whtnxt_server *s = handle->data;
    lp2p_free(lp2p_mem_default(), LP2P_CONTAINER((uv_pipe_t *)handle, struct listener, pipe));
    server_drop_handle(s);
}

static void client_closed(uv_handle_t *handle)
{
    struct client *c = handle->data;
    struct whtnxt_server *s = c->server;
    whtnxt_lines_fini(&c->in);
    lp2p_buf_fini(&c->out);
    lp2p_buf_fini(&c->sending);
    lp2p_free(lp2p_mem_default(), c);
    server_drop_handle(s);
}

static size_t *client_count(struct client *c)
{
    return c->surplus ? &c->server->n_surplus : &c->server->n_clients;
}

static void client_close(struct client *c)
{
    if (c->closing) {
        return;
    }
    c->closing = true;
    lp2p_list_remove(&c->node);
    *client_count(c) -= 1;
    if (lp2p_list_is_empty(&c->server->clients)) {
        (void)uv_timer_stop(&c->server->sweep); /* nobody to be patient with: main sleeps */
    }
    uv_close((uv_handle_t *)&c->pipe, client_closed);
}

static void client_pump(struct client *c);
static void client_listen(struct client *c);

static void client_written(uv_write_t *req, int status)
{
    struct client *c = req->data;
    c->busy = false;
    c->begun = 0;
    c->active = uv_now(c->pipe.loop);
    lp2p_buf_fini(&c->sending);
    if (status != 0 || c->last) {
        client_close(c);
    } else if (!c->closing) {
        client_listen(c);
        client_pump(c);
    }
}

static void client_send(struct client *c)
{
    struct lp2p_buf empty = c->sending;
    c->sending = c->out;
    c->out = empty;
    struct lp2p_span bytes = lp2p_buf_span(&c->sending);
    uv_buf_t buf = {.base = (char *)(uintptr_t)bytes.p, .len = bytes.n};
    c->busy = true;
    c->begun = uv_now(c->pipe.loop);
    /* What it asks meanwhile waits in its socket, not with us. So does its end: `nc` closes its
     * half when its input ends, and still wants the answers. */
    (void)uv_read_stop((uv_stream_t *)&c->pipe);
    if (uv_write(&c->write, (uv_stream_t *)&c->pipe, &buf, 1, client_written) != 0) {
        c->busy = false;
        client_close(c);
    }
}

/* A line without end is answered and logged as one that is no request is; the rest of it is not
 * waited for. */
static void client_refuse(struct client *c)
{
    c->last = true;
    if (c->server->fn(c->server->ctx, lp2p_span(NULL, 0), &c->out) != 0) {
        client_close(c);
    } else {
        client_send(c);
    }
}

/* Says why there is no place, with the number of the request, so that it is understood. */
static int client_turn_away(struct client *c, struct lp2p_span line)
{
    char text[WHTNXT_CAUSE_TEXT_SIZE];
    struct whtnxt_request req;
    int error;
    (void)whtnxt_request_decode(line, &req, &error);
    whtnxt_cause_text(WHTNXT_CAUSE_LIMIT_REACHED,
                      &(struct whtnxt_cause_args){.detail = "programs", .n = WHTNXT_SERVER_CLIENTS},
                      text);
    int err = whtnxt_answer_refuse(&c->out, req.id, WHTNXT_CAUSE_LIMIT_REACHED, text);
    whtnxt_request_fini(&req);
    c->last = true;
    return err;
}

static int client_answer(struct client *c, struct lp2p_span line)
{
    return c->surplus ? client_turn_away(c, line) : c->server->fn(c->server->ctx, line, &c->out);
}

/* All lines are answered: what is left is the beginning of one, or nothing. */
static void client_rest(struct client *c)
{
    if (!whtnxt_lines_is_partial(&c->in)) {
        c->begun = 0;
    } else if (c->begun == 0) {
        c->begun = uv_now(c->pipe.loop);
    }
}

/* One answer at a time: a client that does not read makes us hold one, not many. */
static void client_pump(struct client *c)
{
    struct lp2p_span line;
    while (!c->busy && !c->closing) {
        int err = whtnxt_lines_next(&c->in, &line);
        if (err == -LP2P_E_AGAIN) {
            client_rest(c);
            return;
        }
        if (err != 0) {
            client_refuse(c);
            return;
        }
        /* The next line has its own time. */
        c->begun = 0;
        if (client_answer(c, line) != 0) {
            client_close(c);
        } else if (c->out.len > 0) {
            client_send(c);
        }
    }
}

static void client_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
    static char block[16 * 1024];
    (void)handle;
    (void)suggested;
    *ret = uv_buf_init(block, sizeof(block));
}

static void client_read(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf)
{
    struct client *c = stream->data;
    if (nread == 0 || c->closing) {
        return;
    }
    if (nread < 0 || whtnxt_lines_recv(&c->in, buf->base, (size_t)nread) != 0) {
        client_close(c);
        return;
    }
    client_pump(c);
}

static void client_listen(struct client *c)
{
    if (uv_read_start((uv_stream_t *)&c->pipe, client_alloc, client_read) != 0) {
        client_close(c);
    }
}

static bool client_is_us(const struct client *c)
{
    uv_os_fd_t fd;
    return uv_fileno((const uv_handle_t *)&c->pipe, &fd) == 0 && whtnxt_socket_peer_is_us(fd);
}

/* The client that has had nothing to do for longest, NULL when all have. */
static struct client *server_idle(struct whtnxt_server *s)
{
    struct client *idle = NULL;
    lp2p_list_each (it, &s->clients) {
        struct client *c = client_of(it);
        if (!c->surplus && !c->busy && c->begun == 0 &&
            (idle == NULL || c->active < idle->active)) {
            idle = c;
        }
    }
    return idle;
}

static void server_sweep(uv_timer_t *timer)
{
    struct whtnxt_server *s = timer->data;
    uint64_t now = uv_now(timer->loop);
    uint64_t due = s->swept + s->patience / SWEEPS;
    /* Time in which we were stopped ourselves is not the clients'. */
    uint64_t late = now > due + s->patience / SWEEPS ? now - due : 0;
    s->swept = now;
    lp2p_list_each_safe (it, &s->clients) {
        struct client *c = client_of(it);
        c->begun += c->begun != 0 ? LP2P_MIN(late, now - c->begun) : 0;
        if (c->begun != 0 && now - c->begun > s->patience) {
            client_close(c);
        }
    }
}

/* Finds a place for one more; false when there is not even one to say so. */
static bool server_place(struct whtnxt_server *s, struct client *c)
{
    struct client *idle = s->n_clients < WHTNXT_SERVER_CLIENTS ? NULL : server_idle(s);
    if (idle != NULL) {
        client_close(idle);
    }
    c->surplus = s->n_clients >= WHTNXT_SERVER_CLIENTS;
    *client_count(c) += 1;
    lp2p_list_add_last(&s->clients, &c->node);
    if (!uv_is_active((uv_handle_t *)&s->sweep)) {
        s->swept = uv_now(s->loop);
        uv_timer_start(&s->sweep, server_sweep, s->patience / SWEEPS, s->patience / SWEEPS);
    }
    return s->n_surplus <= WHTNXT_SERVER_SURPLUS;
}

static void server_accept(uv_stream_t *stream, int status)
{
    struct whtnxt_server *s = stream->data;
    struct client *c = status == 0 ? lp2p_calloc(lp2p_mem_default(), 1, sizeof(*c)) : NULL;
    if (c == NULL) {
        return;
    }
    c->server = s;
    c->active = uv_now(stream->loop);
    uv_pipe_init(stream->loop, &c->pipe, 0);
    c->pipe.data = c;
    c->write.data = c;
    s->handles++;
    whtnxt_lines_init(&c->in, lp2p_mem_default(), WHTNXT_REQUEST_MAX);
    lp2p_buf_init(&c->out, lp2p_mem_default(), WHTNXT_ANSWER_MAX + 1);
    lp2p_buf_init(&c->sending, lp2p_mem_default(), WHTNXT_ANSWER_MAX + 1);
    bool place = server_place(s, c);
    /* One without a place has the time of a line to ask. */
    c->begun = c->surplus ? c->active : 0;
    if (uv_accept(stream, (uv_stream_t *)&c->pipe) != 0 || !place || !client_is_us(c)) {
        client_close(c);
    } else {
        client_listen(c);
    }
}

/* ---- the socket itself ---- */

static int server_listen(struct whtnxt_server *s)
{
    struct listener *l = lp2p_calloc(lp2p_mem_default(), 1, sizeof(*l));
    int fd;
    if (l == NULL) {
        return -LP2P_E_NOMEM;
    }
    int err = whtnxt_socket_listen(s->folder, s->path, &fd);
    if (err != 0) {
        lp2p_free(lp2p_mem_default(), l);
        return err;
    }
    uv_pipe_init(s->loop, &l->pipe, 0);
    l->pipe.data = s;
    s->handles++;
    bool opened = uv_pipe_open(&l->pipe, fd) == 0;
    if (!opened) {
        close(fd);
    }
    if (!opened || lstat(s->path, &s->file) != 0 ||
        uv_listen((uv_stream_t *)&l->pipe, 16, server_accept) != 0) {
        uv_close((uv_handle_t *)&l->pipe, listener_closed);
        return -LP2P_E_IO;
    }
    s->listener = l;
    return 0;
}

static void server_unlisten(struct whtnxt_server *s)
{
    if (s->listener != NULL) {
        uv_close((uv_handle_t *)&s->listener->pipe, listener_closed);
        s->listener = NULL;
    }
}

static bool server_is_there(const struct whtnxt_server *s)
{
    struct stat st;
    return s->listener != NULL && lstat(s->path, &st) == 0 && st.st_ino == s->file.st_ino &&
           st.st_dev == s->file.st_dev;
}

/* Makes the folder and the socket anew when they are gone. */
static void server_watch(uv_timer_t *timer)
{
    struct whtnxt_server *s = timer->data;
    const struct whtnxt_disk *disk = whtnxt_disk_real();
    if (server_is_there(s)) {
        return;
    }
    server_unlisten(s);
    int err = disk->make_folder(disk->ctx, s->folder);
    err = err != 0 ? err : server_listen(s);
    /* One that cannot be made is said once, not each time. */
    if (s->on_gone != NULL && (err == 0 || err != s->gone_err)) {
        s->on_gone(s->ctx, err);
    }
    s->gone_err = err;
}

static void server_timer(struct whtnxt_server *s, uv_timer_t *timer)
{
    uv_timer_init(s->loop, timer);
    timer->data = s;
    s->handles++;
}

int whtnxt_server_open(uv_loop_t *loop, const struct whtnxt_server_cfg *cfg,
                       struct whtnxt_server **ret)
{
    struct whtnxt_server *s = lp2p_calloc(lp2p_mem_default(), 1, sizeof(*s));
    if (s == NULL) {
        return -LP2P_E_NOMEM;
    }
    s->loop = loop;
    s->fn = cfg->fn;
    s->ctx = cfg->ctx;
    s->on_gone = cfg->on_gone;
    s->patience = cfg->patience_ms != 0 ? cfg->patience_ms : WHTNXT_SERVER_PATIENCE_MS;
    snprintf(s->folder, sizeof(s->folder), "%s", cfg->folder);
    snprintf(s->path, sizeof(s->path), "%s", cfg->path);
    lp2p_list_init(&s->clients);
    server_timer(s, &s->sweep);
    server_timer(s, &s->watch);
    unsigned watch = cfg->watch_ms != 0 ? cfg->watch_ms : WHTNXT_SERVER_WATCH_MS;
    uv_timer_start(&s->watch, server_watch, watch, watch);
    int err = strcmp(s->path, cfg->path) == 0 ? server_listen(s) : -LP2P_E_TOO_LONG;
    if (err != 0) {
        int why = errno;
        whtnxt_server_close(s);
        errno = why; /* for whtnxt_disk_why */
        return err;
    }
    *ret = s;
    return 0;
}

void whtnxt_server_close(struct whtnxt_server *s)
{
    if (s == NULL || s->closing) {
        return;
    }
    s->closing = true;
    /* What somebody else put there is theirs. */
    if (server_is_there(s)) {
        (void)unlink(s->path);
    }
    server_unlisten(s);
    lp2p_list_each_safe (it, &s->clients) {
        client_close(client_of(it));
    }
    uv_close((uv_handle_t *)&s->watch, server_handle_closed);
    uv_close((uv_handle_t *)&s->sweep, server_handle_closed);
}
