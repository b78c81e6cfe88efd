#include "flow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SMALL    64U
#define KNOCK    5U
#define BURST    1024U
#define MEBIBYTE (1024U * 1024U)
#define LEFTOVER (256U * 1024U)

struct drive {
    struct node node;
    struct lp2p_peer_id peer;
    uint64_t attempt;
    bool connected;
    const char *next; /* rest of the list of checks */
    char check[16];
    uint64_t began; /* ns */
    uv_timer_t timer;
    struct flow *flows;
    uint64_t n_flows;
    uint64_t proven; /* par: streams that answered the knock */
    uint64_t done;
    uint64_t refused;
    uint64_t step; /* seq: streams so far; half_close: part */
    bool failed;   /* some check */
};

static struct drive *drive_of(struct flow *f)
{
    return f->user;
}

static void on_timer(uv_timer_t *timer);

static void drop_flows(struct drive *d)
{
    for (uint64_t i = 0; i < d->n_flows; i++) {
        flow_drop(&d->flows[i]);
        EVP_MD_CTX_free(d->flows[i].sha_in);
        EVP_MD_CTX_free(d->flows[i].sha_out);
    }
    free(d->flows);
    d->flows = NULL;
    d->n_flows = 0;
}

static void end_check(struct drive *d, const char *text)
{
    double seconds = (double)(uv_hrtime() - d->began) / 1e9;
    json_t *line = json_pack("{s:s, s:b, s:f}", "check", d->check, "ok", text == NULL, "seconds",
                             seconds);
    if (text != NULL) {
        json_object_set_new(line, "text", json_string(text));
        d->failed = true;
    }
    if (strcmp(d->check, "limits") == 0) {
        json_object_set_new(line, "served", json_integer((json_int_t)d->done));
        json_object_set_new(line, "refused", json_integer((json_int_t)d->refused));
    }
    say(line);
    uv_timer_stop(&d->timer);
    drop_flows(d);
    /* The next check begins at the top of the loop: a flow's callback may be running. */
    d->check[0] = '\0';
    uv_timer_start(&d->timer, on_timer, 0, 0);
}

static void flow_over(struct flow *f, const struct lp2p_failure *why)
{
    char text[128];
    snprintf(text, sizeof(text), "stream ended: %s (%s)", lp2p_error_text(why->code),
             why->where != NULL ? why->where : "");
    end_check(drive_of(f), text);
}

static struct flow *new_flows(struct drive *d, uint64_t n)
{
    d->flows = calloc((size_t)n, sizeof(*d->flows));
    if (d->flows == NULL) {
        die("flows", -LP2P_E_NOMEM);
    }
    d->n_flows = n;
    for (uint64_t i = 0; i < n; i++) {
        d->flows[i].user = d;
        d->flows[i].on_over = flow_over;
    }
    return d->flows;
}

static bool open_flow(struct drive *d, struct flow *f, const char *protocol)
{
    int err = flow_open(f, &d->node, &d->peer, protocol);
    if (err != 0) {
        end_check(d, lp2p_error_text(err));
    }
    return err == 0;
}

/* ---- seq ---- */

static void seq_start(struct drive *d);

static void seq_done(struct flow *f)
{
    struct drive *d = drive_of(f);
    if (f->mismatch || f->read != SMALL) {
        end_check(d, "other bytes came back");
        return;
    }
    d->step++;
    f->stream = NULL; /* over in order; on_closed has nothing to tell any more */
    if (d->step == d->node.opt->seq) {
        end_check(d, NULL);
    } else {
        seq_start(d);
    }
}

static void seq_start(struct drive *d)
{
    /* Two flows in turn: the last one's callbacks are still on their way out. */
    if (d->flows == NULL) {
        new_flows(d, 2);
    }
    struct flow *f = &d->flows[d->step % 2];
    *f = (struct flow){.user = d,
                       .on_done = seq_done,
                       .on_over = flow_over,
                       .to_send = SMALL,
                       .to_read = SMALL,
                       .close = true,
                       .want_eof = true,
                       .check = true};
    open_flow(d, f, INTEROP_ECHO);
}

/* ---- par and limits ---- */

static void par_burst_done(struct flow *f)
{
    struct drive *d = drive_of(f);
    if (f->mismatch) {
        end_check(d, "other bytes came back");
    } else if (++d->done == d->n_flows) {
        end_check(d, NULL);
    }
}

static void par_knock_done(struct flow *f)
{
    struct drive *d = drive_of(f);
    if (++d->proven < d->n_flows) {
        return;
    }
    for (uint64_t i = 0; i < d->n_flows; i++) {
        struct flow *each = &d->flows[i];
        each->on_done = par_burst_done;
        each->to_send += BURST;
        each->to_read += BURST;
        each->close = true;
        each->want_eof = true;
        flow_more(each);
    }
}

static void limits_echo_done(struct flow *f)
{
    struct drive *d = drive_of(f);
    end_check(d, f->mismatch ? "other bytes came back" : NULL);
}

/* All streams were served or refused, and those served are over: one more echo must work. */
static void limits_burst_done(struct flow *f)
{
    struct drive *d = drive_of(f);
    if (f->mismatch) {
        end_check(d, "other bytes came back");
        return;
    }
    if (++d->done < d->proven) {
        return;
    }
    struct flow *last = &d->flows[d->n_flows - 1];
    last->on_done = limits_echo_done;
    last->on_over = flow_over;
    last->to_send = KNOCK;
    last->to_read = KNOCK;
    last->close = true;
    last->want_eof = true;
    last->check = true;
    open_flow(d, last, INTEROP_ECHO);
}

/* Once each stream has answered or ended, use the ones that stand, as `par` does. */
static void limits_check(struct drive *d)
{
    uint64_t n = d->n_flows - 1;
    if (d->proven + d->refused < n) {
        return;
    }
    d->proven = 0;
    for (uint64_t i = 0; i < n; i++) {
        d->proven += d->flows[i].stream != NULL;
    }
    if (d->proven == 0) {
        end_check(d, "no stream was served");
        return;
    }
    for (uint64_t i = 0; i < n; i++) {
        struct flow *each = &d->flows[i];
        if (each->stream == NULL) {
            continue;
        }
        each->on_done = limits_burst_done;
        each->on_over = flow_over;
        each->to_send += BURST;
        each->to_read += BURST;
        each->close = true;
        each->want_eof = true;
        flow_more(each);
    }
}

static void limits_knock_done(struct flow *f)
{
    drive_of(f)->proven++;
    limits_check(drive_of(f));
}

static void limits_over(struct flow *f, const struct lp2p_failure *why)
{
    (void)why;
    drive_of(f)->refused++;
    limits_check(drive_of(f));
}

static void par_start(struct drive *d, bool limits)
{
    uint64_t n = d->node.opt->par;
    new_flows(d, n + limits);
    for (uint64_t i = 0; i < n; i++) {
        struct flow *f = &d->flows[i];
        f->on_done = limits ? limits_knock_done : par_knock_done;
        f->on_over = limits ? limits_over : flow_over;
        f->to_send = KNOCK;
        f->to_read = KNOCK;
        f->check = true;
        int err = flow_open(f, &d->node, &d->peer, INTEROP_ECHO);
        if (err != 0 && !limits) {
            end_check(d, lp2p_error_text(err));
            return;
        }
        d->refused += err != 0;
    }
    if (limits) {
        limits_check(d);
    }
}

/* ---- sha_up and sha_down ---- */

static EVP_MD_CTX *new_sha(void)
{
    EVP_MD_CTX *sha = EVP_MD_CTX_new();
    if (sha == NULL || EVP_DigestInit_ex(sha, EVP_sha256(), NULL) != 1) {
        die("sha-256", -LP2P_E_CRYPTO);
    }
    return sha;
}

static void up_done(struct flow *f)
{
    struct drive *d = drive_of(f);
    uint8_t sum[EVP_MAX_MD_SIZE];
    EVP_DigestFinal_ex(f->sha_out, sum, NULL);
    uint64_t count = 0;
    for (size_t i = 0; i < 8; i++) {
        count = (count << 8) | f->last[i];
    }
    bool ok = count == d->node.opt->bytes && memcmp(sum, f->last + 8, 32) == 0;
    end_check(d, ok ? NULL : "count or sum is wrong");
}

static void up_start(struct drive *d)
{
    struct flow *f = new_flows(d, 1);
    f->on_done = up_done;
    f->to_send = d->node.opt->bytes;
    f->to_read = 40;
    f->close = true;
    f->want_eof = true;
    f->sha_out = new_sha();
    open_flow(d, f, INTEROP_SINK);
}

static void put_head(struct flow *f, uint64_t count)
{
    for (size_t i = 0; i < 8; i++) {
        f->head[i] = (uint8_t)(count >> (56 - 8 * i));
    }
    f->head_len = 8;
    f->to_send = 8;
    f->to_read = count + 32;
}

static void down_done(struct flow *f)
{
    uint8_t sum[EVP_MAX_MD_SIZE];
    EVP_DigestFinal_ex(f->sha_in, sum, NULL);
    bool ok = memcmp(sum, f->last + 8, 32) == 0 && f->read == f->to_read;
    end_check(drive_of(f), ok ? NULL : "the sum is wrong");
}

static void down_start(struct drive *d)
{
    struct flow *f = new_flows(d, 1);
    f->on_done = down_done;
    put_head(f, d->node.opt->bytes);
    f->close = true;
    f->want_eof = true;
    f->sha_in = new_sha();
    open_flow(d, f, INTEROP_SOURCE);
}

/* ---- half_close ---- */

static void half_last_done(struct flow *f)
{
    end_check(drive_of(f), f->mismatch ? "other bytes came back" : NULL);
}

/* Their half was closed first; 256 KiB of ours went after it. */
static void half_rest_done(struct flow *f)
{
    struct drive *d = drive_of(f);
    struct flow *last = &d->flows[2];
    last->on_done = half_last_done;
    last->to_send = SMALL;
    last->to_read = SMALL;
    last->close = true;
    last->want_eof = true;
    last->check = true;
    open_flow(d, last, INTEROP_ECHO);
}

static void half_source_done(struct flow *f)
{
    f->on_done = half_rest_done;
    f->to_send += LEFTOVER;
    f->close = true;
    flow_more(f);
}

static void half_echo_done(struct flow *f)
{
    struct drive *d = drive_of(f);
    if (f->mismatch) {
        end_check(d, "other bytes came back");
        return;
    }
    struct flow *source = &d->flows[1];
    source->on_done = half_source_done;
    put_head(source, SMALL);
    source->want_eof = true;
    open_flow(d, source, INTEROP_SOURCE);
}

static void half_start(struct drive *d)
{
    struct flow *f = new_flows(d, 3);
    f->on_done = half_echo_done;
    f->to_send = MEBIBYTE;
    f->to_read = MEBIBYTE;
    f->close = true;
    f->want_eof = true;
    f->check = true;
    open_flow(d, f, INTEROP_ECHO);
}

/* ---- order ---- */

static bool take_name(struct drive *d)
{
    size_t n = strcspn(d->next, ",");
    if (n == 0 || n >= sizeof(d->check)) {
        return false;
    }
    memcpy(d->check, d->next, n);
    d->check[n] = '\0';
    d->next += n + (d->next[n] == ',');
    return true;
}

static void next_check(struct drive *d)
{
    if (!take_name(d)) {
        uv_close((uv_handle_t *)&d->timer, NULL);
        node_quit(&d->node, d->failed);
        return;
    }
    d->began = uv_hrtime();
    d->proven = d->done = d->refused = d->step = 0;
    uv_timer_start(&d->timer, on_timer, INTEROP_CHECK_TIMEOUT_MS, 0);
    if (strcmp(d->check, "seq") == 0) {
        seq_start(d);
    } else if (strcmp(d->check, "par") == 0 || strcmp(d->check, "limits") == 0) {
        par_start(d, d->check[0] == 'l');
    } else if (strcmp(d->check, "sha_up") == 0) {
        up_start(d);
    } else if (strcmp(d->check, "sha_down") == 0) {
        down_start(d);
    } else if (strcmp(d->check, "half_close") == 0) {
        half_start(d);
    } else {
        end_check(d, "no such check");
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct drive *d = timer->data;
    if (d->check[0] == '\0') {
        next_check(d);
    } else {
        end_check(d, "no end within 60 s");
    }
}

static void drive_changed(struct node *n, unsigned changes)
{
    struct drive *d = n->user;
    const struct lp2p_attempt_info *at = node_attempt(n, d->attempt);
    if ((changes & LP2P_CHANGE_ATTEMPTS) == 0 || d->connected || at == NULL) {
        return;
    }
    if (at->stage == LP2P_STAGE_CONNECTED) {
        d->connected = true;
        next_check(d);
    } else if (at->stage == LP2P_STAGE_FAILED) {
        die("connect", at->error);
    }
}

int mode_drive(const struct options *opt)
{
    struct drive d = {.next = opt->checks};
    d.node.user = &d;
    d.node.on_change = drive_changed;
    node_open(&d.node, opt);
    node_listen(&d.node, opt->listen);
    uv_timer_init(d.node.loop, &d.timer);
    d.timer.data = &d;
    int err = node_dial(&d.node, opt->to, &d.peer, &d.attempt);
    if (err != 0) {
        die(opt->to, err);
    }
    return node_run(&d.node);
}
