#include "main/server.h"

#include "base/assert.h"
#include "base/list.h"
#include "lp2p/error.h"
#include "main/socket.h"

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

struct whtnxt_server {
    uv_pipe_t pipe;
    uv_timer_t sweep;
    struct lp2p_list clients;
    size_t n_clients; /* surplus ones not counted */
    size_t n_surplus;
    unsigned patience;
    uint64_t swept;
    whtnxt_server_fn *fn;
    void *ctx;
    char path[4096];
    unsigned handles; /* not closed yet */
    bool closing;
};

static struct client *client_of(struct lp2p_list *node)
{
    return LP2P_CONTAINER(node, struct client, node);
}

static void server_handle_closed(uv_handle_t *handle)
{
    struct whtnxt_server *s = handle->data;
    s->handles--;
    if (s->handles == 0) {
        lp2p_free(lp2p_mem_default(), s);
    }
}

static void client_closed(uv_handle_t *handle)
{
    struct client *c = handle->data;
    struct whtnxt_server *s = c->server;
    whtnxt_lines_fini(&c->in);
    lp2p_buf_fini(&c->out);
    lp2p_buf_fini(&c->sending);
    lp2p_free(lp2p_mem_default(), c);
    s->handles--;
    if (s->handles == 0) {
        lp2p_free(lp2p_mem_default(), s);
    }
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

int whtnxt_server_open(uv_loop_t *loop, const struct whtnxt_server_cfg *cfg,
                       struct whtnxt_server **ret)
{
    struct whtnxt_server *s = lp2p_calloc(lp2p_mem_default(), 1, sizeof(*s));
    if (s == NULL) {
        return -LP2P_E_NOMEM;
    }
    int fd;
    int err = strlen(cfg->path) < sizeof(s->path)
                  ? whtnxt_socket_listen(cfg->folder, cfg->path, &fd)
                  : -LP2P_E_TOO_LONG;
    if (err != 0) {
        lp2p_free(lp2p_mem_default(), s);
        return err;
    }
    s->fn = cfg->fn;
    s->ctx = cfg->ctx;
    s->patience = cfg->patience_ms != 0 ? cfg->patience_ms : WHTNXT_SERVER_PATIENCE_MS;
    s->swept = uv_now(loop);
    memcpy(s->path, cfg->path, strlen(cfg->path) + 1);
    lp2p_list_init(&s->clients);
    uv_pipe_init(loop, &s->pipe, 0);
    uv_timer_init(loop, &s->sweep);
    s->pipe.data = s;
    s->sweep.data = s;
    s->handles = 2;
    *ret = s;
    uv_timer_start(&s->sweep, server_sweep, s->patience / SWEEPS, s->patience / SWEEPS);
    if (uv_pipe_open(&s->pipe, fd) != 0 ||
        uv_listen((uv_stream_t *)&s->pipe, 16, server_accept) != 0) {
        whtnxt_server_close(s);
        return -LP2P_E_IO;
    }
    return 0;
}

void whtnxt_server_close(struct whtnxt_server *s)
{
    if (s == NULL || s->closing) {
        return;
    }
    s->closing = true;
    (void)unlink(s->path);
    lp2p_list_each_safe (it, &s->clients) {
        client_close(client_of(it));
    }
    uv_close((uv_handle_t *)&s->pipe, server_handle_closed);
    uv_close((uv_handle_t *)&s->sweep, server_handle_closed);
}
