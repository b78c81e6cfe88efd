#include "env/uv/resolve.h"

/* The calls that newer versions of the library call old are the only ones that 1.18 has. */
#define CARES_NO_DEPRECATED
#include <ares.h>
#include <netinet/in.h>
#include <sys/time.h>

#include "base/assert.h"
#include "env/uv/uv_priv.h"

/*
 * The name service by c-ares: the system's servers and its table of hosts. Its sockets are watched
 * by the loop like ours.
 *
 * The channel lives as long as somebody waits for an answer, and reads the system's files when it
 * is made: they are then those of the network that is asked, and an idle program holds nothing.
 *
 *     lookup:  asked -answer-> answered -task-> done (freed)
 *              asked -its time is over-> answered, c-ares still has it -task-> left to c-ares
 *              asked -cancelled-> left to c-ares, which calls back when it is through or destroyed
 */

/* One server's time for an answer, and how often each is asked: with one server both tries end
 * with LP2P_ENV_RESOLVE_TIMEOUT (the second has twice the time), with more the next one still has
 * a chance. */
#define RESOLVE_TRY_MS 1000
#define RESOLVE_TRIES  2

struct lookup {
    struct lp2p_list node; /* resolver.waiting or .answered; in neither: left to c-ares */
    struct lp2p_uv_resolver *r;
    struct lp2p_query *query; /* NULL: nobody waits any more */
    enum lp2p_query_type type;
    bool asked; /* c-ares will call back */
    lp2p_ts deadline;
    int err;
    size_t n;
    struct lp2p_answer *answers; /* n of them, texts behind; NULL: none */
};

struct lp2p_uv_resolver {
    struct lp2p_env_uv *env;
    ares_channel ares;
    struct lp2p_list sockets;  /* struct resolver_socket */
    struct lp2p_list waiting;  /* the first to end first */
    struct lp2p_list answered; /* to be told from the top of the loop */
    size_t wanted;             /* in both lists */
    size_t held;               /* lookups, those left to c-ares included */
    int broken;                /* a socket could not be watched: this channel is of no more use */
    bool telling;              /* whoever is told may cancel the last one */
    struct lp2p_task tell;
    struct lp2p_timer tick; /* the next thing that takes too long, c-ares's or ours */
};

struct resolver_socket {
    struct lp2p_uv_watch watch; /* first */
    struct lp2p_list node;
    struct lp2p_uv_resolver *r;
};

/* ---- what c-ares watches ---- */

/* The outcome is known; it is told from the top of the loop. */
static void lookup_answer(struct lookup *l, int err)
{
    l->err = err == 0 && l->n == 0 ? -LP2P_E_NOT_FOUND : err;
    lp2p_list_remove(&l->node);
    lp2p_list_add_last(&l->r->answered, &l->node);
    l->r->env->env.ops->defer(&l->r->env->env, &l->r->tell);
}

/* After every call into c-ares. */
static void resolver_arm(struct lp2p_uv_resolver *r)
{
    if (r->broken != 0) {
        lp2p_list_each_safe (it, &r->waiting) {
            lookup_answer(LP2P_CONTAINER(it, struct lookup, node), r->broken);
        }
    }
    struct timeval room;
    const struct timeval *left = ares_timeout(r->ares, NULL, &room);
    const struct lp2p_list *first = lp2p_list_first(&r->waiting);
    lp2p_ts at = first == NULL ? LP2P_TS_NEVER
                               : LP2P_CONTAINER((uintptr_t)first, struct lookup, node)->deadline;
    if (left != NULL) {
        lp2p_ts wait = LP2P_SEC((lp2p_ts)left->tv_sec) + LP2P_USEC((lp2p_ts)left->tv_usec);
        at = LP2P_MIN(at, uv_hrtime() + wait);
    }
    r->env->env.ops->timer_set(&r->tick, at);
}

static void socket_on_ready(struct lp2p_uv_watch *w, int ready)
{
    struct resolver_socket *s = (struct resolver_socket *)w;
    struct lp2p_uv_resolver *r = s->r;
    ares_process_fd(r->ares, (ready & UV_READABLE) != 0 ? w->fd : ARES_SOCKET_BAD,
                    (ready & UV_WRITABLE) != 0 ? w->fd : ARES_SOCKET_BAD);
    resolver_arm(r);
}

static struct resolver_socket *socket_find(struct lp2p_uv_resolver *r, int fd)
{
    lp2p_list_each (it, &r->sockets) {
        struct resolver_socket *s = LP2P_CONTAINER(it, struct resolver_socket, node);
        if (s->watch.fd == fd) {
            return s;
        }
    }
    return NULL;
}

static int socket_new(struct lp2p_uv_resolver *r, int fd, struct resolver_socket **ret)
{
    const struct lp2p_mem *mem = r->env->env.mem;
    struct resolver_socket *s = lp2p_calloc(mem, 1, sizeof(*s));
    int err = s == NULL ? -LP2P_E_NOMEM : lp2p_uv_watch_init(r->env, &s->watch, fd);
    if (err != 0) {
        lp2p_free(mem, s);
        return err;
    }
    s->watch.on_ready = socket_on_ready;
    s->r = r;
    lp2p_list_add_last(&r->sockets, &s->node);
    *ret = s;
    return 0;
}

/* c-ares wants to read or write; neither: it closes the descriptor next. */
static void resolver_on_socket(void *ctx, ares_socket_t fd, int readable, int writable)
{
    struct lp2p_uv_resolver *r = ctx;
    struct resolver_socket *s = socket_find(r, fd);
    int mask = (readable != 0 ? UV_READABLE : 0) | (writable != 0 ? UV_WRITABLE : 0);
    if (mask == 0) {
        if (s != NULL) {
            lp2p_list_remove(&s->node);
            lp2p_uv_watch_leave(&s->watch);
        }
        return;
    }
    int err = s != NULL ? 0 : socket_new(r, fd, &s);
    if (err != 0) {
        r->broken = err;
        return;
    }
    lp2p_uv_watch_want(&s->watch, mask);
}

/* ---- lookups ---- */

static int resolve_error(int status)
{
    switch (status) {
    case ARES_SUCCESS:
        return 0;
    case ARES_ENODATA:
    case ARES_ENOTFOUND:
        return -LP2P_E_NOT_FOUND;
    case ARES_ETIMEOUT:
        return -LP2P_E_TIMEOUT;
    case ARES_EBADRESP:
    case ARES_EBADNAME: /* in the answer; ours was looked at */
        return -LP2P_E_DECODE;
    case ARES_ENOMEM:
        return -LP2P_E_NOMEM;
    default:
        return -LP2P_E_IO;
    }
}

static void lookup_free(struct lookup *l)
{
    const struct lp2p_mem *mem = l->r->env->env.mem;
    l->r->held--;
    lp2p_free(mem, l->answers);
    lp2p_free(mem, l);
}

/* True when somebody waits for what c-ares says: not cancelled, and not late. */
static bool lookup_is_awaited(struct lookup *l)
{
    l->asked = false;
    if (l->query == NULL) {
        lookup_free(l);
        return false;
    }
    return l->answers == NULL && l->err == 0;
}

/* Room for all answers there may be, and their texts behind. */
static int lookup_room(struct lookup *l, size_t text)
{
    size_t n = LP2P_ENV_MAX_ANSWERS * sizeof(*l->answers);
    l->answers = lp2p_calloc(l->r->env->env.mem, 1, n + text);
    return l->answers == NULL ? -LP2P_E_NOMEM : 0;
}

static struct lp2p_endpoint node_endpoint(const struct ares_addrinfo_node *node)
{
    struct sockaddr_storage sa = {.ss_family = AF_UNSPEC};
    memcpy(&sa, node->ai_addr, LP2P_MIN((size_t)node->ai_addrlen, sizeof(sa)));
    struct lp2p_endpoint e = lp2p_uv_endpoint(&sa);
    e.port = 0;
    return e;
}

static int lookup_take_addrs(struct lookup *l, const struct ares_addrinfo *info)
{
    int family = l->type == LP2P_QUERY_A ? AF_INET : AF_INET6;
    LP2P_TRY(lookup_room(l, 0));
    for (const struct ares_addrinfo_node *it = info->nodes;
         it != NULL && l->n < LP2P_ENV_MAX_ANSWERS; it = it->ai_next) {
        if (it->ai_family == family) {
            l->answers[l->n++].addr = node_endpoint(it);
        }
    }
    return 0;
}

static void lookup_on_addrs(void *ctx, int status, int timeouts, struct ares_addrinfo *info)
{
    (void)timeouts;
    struct lookup *l = ctx;
    if (lookup_is_awaited(l)) {
        int err = resolve_error(status);
        lookup_answer(l, err == 0 ? lookup_take_addrs(l, info) : err);
    }
    ares_freeaddrinfo(info);
}

/* Copies the texts behind the answers; one record's strings follow each other. */
static int lookup_take_texts(struct lookup *l, const struct ares_txt_ext *first)
{
    size_t total = 0;
    for (const struct ares_txt_ext *it = first; it != NULL; it = it->next) {
        total += it->length;
    }
    LP2P_TRY(lookup_room(l, total));
    uint8_t *p = (uint8_t *)(l->answers + LP2P_ENV_MAX_ANSWERS);
    const struct ares_txt_ext *it = first;
    while (it != NULL && l->n < LP2P_ENV_MAX_ANSWERS) {
        size_t n = 0;
        do {
            memcpy(p + n, it->txt, it->length);
            n += it->length;
            it = it->next;
        } while (it != NULL && it->record_start == 0);
        if (n <= LP2P_ENV_MAX_TXT) {
            l->answers[l->n++].text = lp2p_span(p, n);
            p += n;
        }
    }
    return 0;
}

static void lookup_on_texts(void *ctx, int status, int timeouts, unsigned char *p, int n)
{
    (void)timeouts;
    struct lookup *l = ctx;
    if (!lookup_is_awaited(l)) {
        return;
    }
    struct ares_txt_ext *first = NULL;
    if (status == ARES_SUCCESS) {
        status = ares_parse_txt_reply_ext(p, n, &first);
    }
    int err = resolve_error(status);
    lookup_answer(l, err == 0 ? lookup_take_texts(l, first) : err);
    ares_free_data(first);
}

static void lookup_ask(struct lookup *l, const char *name)
{
    struct lp2p_uv_resolver *r = l->r;
    l->asked = true;
    if (l->type == LP2P_QUERY_TXT) {
        ares_query(r->ares, name, 1 /* IN */, 16 /* TXT */, lookup_on_texts, l);
        return;
    }
    /* The order is the dialer's business; c-ares would open sockets to find it. */
    struct ares_addrinfo_hints hints = {
        .ai_flags = ARES_AI_NOSORT,
        .ai_family = l->type == LP2P_QUERY_A ? AF_INET : AF_INET6,
    };
    ares_getaddrinfo(r->ares, name, NULL, &hints, lookup_on_addrs, l);
}

/* ---- the channel's life ---- */

static void resolver_free(struct lp2p_uv_resolver *r)
{
    struct lp2p_env_uv *env = r->env;
    ares_destroy(r->ares); /* calls back for what it still has, and closes its sockets */
    LP2P_ASSERT(r->held == 0 && lp2p_list_is_empty(&r->sockets));
    ares_library_cleanup();
    lp2p_list_remove(&r->tell.node);
    env->env.ops->timer_fini(&r->tick);
    env->resolver = NULL;
    lp2p_free(env->env.mem, r);
}

static void resolver_settle(struct lp2p_uv_resolver *r)
{
    if (r->wanted == 0 && !r->telling) {
        resolver_free(r);
    }
}

static void lookup_tell(struct lookup *l)
{
    struct lp2p_query *q = l->query;
    struct lp2p_answer *answers = l->answers;
    int err = l->err;
    size_t n = err == 0 ? l->n : 0;
    const struct lp2p_mem *mem = l->r->env->env.mem;
    lp2p_list_remove(&l->node);
    l->query = NULL;
    l->answers = NULL;
    l->r->wanted--;
    if (!l->asked) {
        lookup_free(l);
    }
    q->env = NULL;
    q->done(q->ctx, err, answers, n);
    lp2p_free(mem, answers);
}

static void resolver_tell(void *ctx, lp2p_ts now)
{
    (void)now;
    struct lp2p_uv_resolver *r = ctx;
    struct lp2p_list *first;
    r->telling = true;
    while ((first = lp2p_list_first(&r->answered)) != NULL) {
        lookup_tell(LP2P_CONTAINER(first, struct lookup, node));
    }
    r->telling = false;
    resolver_settle(r);
}

static void resolver_on_tick(void *ctx, lp2p_ts now)
{
    struct lp2p_uv_resolver *r = ctx;
    ares_process_fd(r->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    lp2p_list_each_safe (it, &r->waiting) {
        struct lookup *l = LP2P_CONTAINER(it, struct lookup, node);
        if (l->deadline <= now) {
            lookup_answer(l, -LP2P_E_TIMEOUT);
        }
    }
    resolver_arm(r);
}

static int channel_new(struct lp2p_uv_resolver *r)
{
    struct ares_options options = {
        .flags = ARES_FLAG_NOALIASES, /* a file that a variable names */
        .timeout = RESOLVE_TRY_MS,
        .tries = RESOLVE_TRIES,
        .sock_state_cb = resolver_on_socket,
        .sock_state_cb_data = r,
    };
    int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
    int status = ares_library_init(ARES_LIB_INIT_ALL);
    if (status != ARES_SUCCESS) {
        return resolve_error(status);
    }
    status = ares_init_options(&r->ares, &options, mask);
    if (status == ARES_SUCCESS && r->env->dns_servers != NULL) {
        status = ares_set_servers_ports_csv(r->ares, r->env->dns_servers);
    }
    if (status != ARES_SUCCESS) {
        if (r->ares != NULL) {
            ares_destroy(r->ares);
        }
        ares_library_cleanup();
        return status == ARES_ENOMEM ? -LP2P_E_NOMEM : -LP2P_E_IO;
    }
    return 0;
}

static int resolver_new(struct lp2p_env_uv *env)
{
    struct lp2p_uv_resolver *r = lp2p_calloc(env->env.mem, 1, sizeof(*r));
    if (r == NULL) {
        return -LP2P_E_NOMEM;
    }
    r->env = env;
    r->tell = (struct lp2p_task){.fn = resolver_tell, .ctx = r};
    lp2p_list_init(&r->sockets);
    lp2p_list_init(&r->waiting);
    lp2p_list_init(&r->answered);
    int err = env->env.ops->timer_init(&env->env, &r->tick, resolver_on_tick, r);
    if (err == 0) {
        err = channel_new(r);
        if (err != 0) {
            env->env.ops->timer_fini(&r->tick);
        }
    }
    if (err != 0) {
        lp2p_free(env->env.mem, r);
        return err;
    }
    env->resolver = r;
    return 0;
}

/* ---- the environment's calls ---- */

static int lookup_new(struct lp2p_uv_resolver *r, struct lp2p_query *q, enum lp2p_query_type type,
                      struct lookup **ret)
{
    if (r->held == LP2P_ENV_MAX_QUERIES) {
        return -LP2P_E_LIMIT;
    }
    struct lookup *l = lp2p_calloc(r->env->env.mem, 1, sizeof(*l));
    if (l == NULL) {
        return -LP2P_E_NOMEM;
    }
    l->r = r;
    l->query = q;
    l->type = type;
    l->deadline = uv_hrtime() + LP2P_ENV_RESOLVE_TIMEOUT;
    q->env = &r->env->env;
    q->below = l;
    r->held++;
    r->wanted++;
    lp2p_list_add_last(&r->waiting, &l->node);
    *ret = l;
    return 0;
}

int lp2p_uv_resolve(struct lp2p_env *base, struct lp2p_query *q, enum lp2p_query_type type,
                    const char *name)
{
    struct lp2p_env_uv *env = lp2p_env_uv(base);
    struct lookup *l;
    if (!lp2p_env_is_name(name)) {
        return -LP2P_E_NOT_FOUND;
    }
    if (env->resolver == NULL) {
        LP2P_TRY(resolver_new(env));
    }
    int err = lookup_new(env->resolver, q, type, &l);
    if (err != 0) {
        resolver_settle(env->resolver);
        return err;
    }
    lookup_ask(l, name);
    resolver_arm(env->resolver);
    return 0;
}

void lp2p_uv_resolve_cancel(struct lp2p_query *q)
{
    if (q->env == NULL) {
        return;
    }
    struct lookup *l = q->below;
    struct lp2p_uv_resolver *r = l->r;
    q->env = NULL;
    lp2p_list_remove(&l->node);
    l->query = NULL;
    r->wanted--;
    if (!l->asked) {
        lookup_free(l);
    }
    resolver_settle(r);
}

/* ---- for the test ---- */

void lp2p_uv_set_dns_servers(struct lp2p_env *env, const char *servers)
{
    lp2p_env_uv(env)->dns_servers = servers;
}

bool lp2p_uv_is_resolving(const struct lp2p_env *env)
{
    return lp2p_env_uv(env)->resolver != NULL;
}
