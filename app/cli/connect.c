#include "cli/cli.h"

#include "base/text.h"
#include "ipc/state.h"
#include "link/link.h"
#include "lp2p/peer_id.h"
#include "lp2p/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_DEFAULT_S 15U
#define TIMEOUT_MOST_S    3600U
/* Main says at the end of the time why nothing came of it. */
#define GRACE_MS 1000U
/* A program that waits for its own attempt asks often at first (DESIGN 2). */
#define POLL_FIRST_MS 20U
#define POLL_MOST_MS  200U
/* Names and short ids are shorter than this. */
#define NAME_MOST 80U

/*
 * What a person gave, fit for a request: as much of it as is searched for a link, and `?` for bytes
 * that are no text. Whatever it was, main judges it and writes it to the log.
 */
static json_t *given_text(const char *text)
{
    char out[WHTNXT_LINK_MAX_PASTE];
    struct lp2p_span in = lp2p_span_str(text);
    size_t len = 0;
    while (in.n > 0) {
        uint32_t c = 0;
        size_t n = lp2p_text_decode(in, &c);
        /* JSON makes six bytes of a control character, and two of these three. */
        bool control = c < 0x20 && c != '\t' && c != '\n' && c != '\r';
        bool fits = n > 0 && !control;
        size_t take = fits ? n : 1;
        if (len + take > sizeof(out)) {
            break;
        }
        memcpy(out + len, fits ? in.p : (const uint8_t *)"?", take);
        len += take;
        in = lp2p_span(in.p + take, in.n - take);
    }
    return json_stringn(out, len);
}

json_t *cli_connect_params(const char *text)
{
    const char *key = "link";
    size_t n = strcspn(text, " \t\r\n");
    bool one_word = text[n + strspn(text + n, " \t\r\n")] == '\0';
    struct lp2p_peer_id id;
    if (one_word && text[0] == '/' && n <= LP2P_MULTIADDR_TEXT_SIZE) {
        key = "multiaddr";
    } else if (text[n] == '\0' && lp2p_peer_id_parse(text, n, &id) == 0) {
        key = "peerId";
    }
    json_t *params = json_object();
    json_object_set_new(params, key, given_text(text));
    json_object_set_new(params, "source", json_string("user"));
    return params;
}

static const json_t *find_connection(const json_t *status, const char *peer)
{
    size_t i;
    const json_t *conn;
    json_array_foreach(json_object_get(status, "connections"), i, conn)
    {
        if (strcmp(cli_text(conn, "peerId"), peer) == 0) {
            return conn;
        }
    }
    return NULL;
}

static void print_connected(const struct cli *c, const json_t *status, const json_t *attempt)
{
    const char *peer = cli_text(attempt, "peerId");
    char name[80];
    cli_peer_name(status, peer, name);
    const json_t *conn = find_connection(status, peer);
    const char *path = cli_text(conn, "path");
    printf("%sConnected%s to %s (%s)\n", cli_style_out(c, CLI_GREEN), cli_reset_out(c), name,
           *path != '\0' ? path : "connected");
}

/* The end of an attempt, for a person or a script; returns the exit code. */
static int report(struct cli *c, const json_t *status, const json_t *attempt)
{
    bool connected = strcmp(cli_text(attempt, "stage"), "connected") == 0;
    enum whtnxt_cause cause = whtnxt_cause_find(cli_text(attempt, "code"));
    if (c->json) {
        cli_print_json(attempt, false);
    } else if (connected) {
        print_connected(c, status, attempt);
    } else {
        cli_complain(c, cli_text(attempt, "text"), whtnxt_cause_action(cause));
    }
    if (connected) {
        return CLI_OK;
    }
    return cause != WHTNXT_CAUSE_NONE ? whtnxt_cause_exit(cause) : CLI_FAILED;
}

static void cancel(struct cli *c, uint64_t attempt)
{
    struct whtnxt_answer a = {.result = NULL};
    json_t *params = json_pack("{s:I}", "attempt", (json_int_t)attempt);
    if (cli_call(c, WHTNXT_METHOD_CANCEL, params, CLI_POLL_DEADLINE_MS, &a) == 0) {
        whtnxt_answer_fini(&a);
    }
}

/* Why it took too long, with what was known last. */
static int report_timeout(struct cli *c, const json_t *attempt, unsigned timeout_ms)
{
    char detail[WHTNXT_CAUSE_TEXT_SIZE] = "";
    char text[WHTNXT_CAUSE_TEXT_SIZE];
    const char *last = cli_text(attempt, "text");
    if (*last != '\0') {
        snprintf(detail, sizeof(detail), "%.400s", last);
    }
    struct whtnxt_cause_args args = {.n = (timeout_ms + 999) / 1000, .detail = detail};
    whtnxt_cause_text(WHTNXT_CAUSE_TIMED_OUT, &args, text);
    if (c->json) {
        json_t *o = attempt != NULL ? json_deep_copy(attempt) : json_object();
        json_object_set_new(o, "stage", json_string("failed"));
        json_object_set_new(o, "code", json_string(whtnxt_cause_code(WHTNXT_CAUSE_TIMED_OUT)));
        json_object_set_new(o, "text", json_string(text));
        json_object_set_new(o, "action", json_string(whtnxt_cause_action(WHTNXT_CAUSE_TIMED_OUT)));
        json_object_set_new(o, "ended", json_integer((json_int_t)cli_wall_ms()));
        cli_print_json(o, false);
        json_decref(o);
    } else {
        cli_complain(c, text, whtnxt_cause_action(WHTNXT_CAUSE_TIMED_OUT));
    }
    return whtnxt_cause_exit(WHTNXT_CAUSE_TIMED_OUT);
}

static int report_cancelled(struct cli *c, uint64_t attempt)
{
    int exit_code;
    cancel(c, attempt);
    json_t *status = c->json ? cli_status(c, &exit_code) : NULL;
    const json_t *a = cli_find_attempt(status, attempt);
    if (a != NULL) {
        cli_print_json(a, false);
    }
    json_decref(status);
    char text[WHTNXT_CAUSE_TEXT_SIZE];
    whtnxt_cause_text(WHTNXT_CAUSE_CANCELLED, NULL, text);
    cli_complain(c, text, "");
    return CLI_CANCELLED;
}

struct following {
    uint64_t attempt;
    uint64_t began;
    unsigned timeout_ms;
    unsigned pause;
    char stage[32];   /* shown last */
    uint64_t seconds; /* shown last */
    bool in_place;    /* the row that is shown is still drawn over */
};

/* A row for each stage; on a terminal it counts the seconds. */
static void show_stage(const struct cli *c, struct following *f, const char *stage,
                       uint64_t elapsed_ms)
{
    uint64_t seconds = elapsed_ms / 1000;
    bool other = strcmp(f->stage, stage) != 0;
    bool counts = c->live_err && strcmp(stage, "connected") != 0;
    if (!other && (!counts || seconds == f->seconds)) {
        return;
    }
    if (f->in_place) {
        fputs(other ? "\n" : "\r\033[K", stderr);
    }
    fprintf(stderr, "%s%5.1f s%s  %s", cli_style_err(c, CLI_DIM), (double)elapsed_ms / 1000.0,
            cli_reset_err(c), cli_stage_text(stage));
    if (counts) {
        fprintf(stderr, ", %llu s of %u", (unsigned long long)seconds, f->timeout_ms / 1000);
    }
    fputs(counts ? "" : "\n", stderr);
    snprintf(f->stage, sizeof(f->stage), "%s", stage);
    f->seconds = seconds;
    f->in_place = counts;
}

static void end_row(struct following *f)
{
    fputs(f->in_place ? "\n" : "", stderr);
    f->in_place = false;
}

/* One look at the attempt; true when `*ret_exit` is the end of it. */
static bool look(struct cli *c, struct following *f, int *ret_exit)
{
    int exit_code;
    json_t *status = cli_status(c, &exit_code);
    const json_t *attempt = cli_find_attempt(status, f->attempt);
    uint64_t elapsed = cli_now_ms() - f->began;
    bool over = true;
    if (status == NULL) {
        *ret_exit = exit_code;
    } else if (attempt == NULL) {
        *ret_exit = cli_complain_cause(c, WHTNXT_CAUSE_ATTEMPT_UNKNOWN);
    } else {
        show_stage(c, f, cli_text(attempt, "stage"), elapsed);
        if (cli_has_ended(attempt)) {
            end_row(f);
            *ret_exit = report(c, status, attempt);
        } else if (elapsed >= f->timeout_ms + GRACE_MS) {
            end_row(f);
            cancel(c, f->attempt);
            *ret_exit = report_timeout(c, attempt, f->timeout_ms);
        } else {
            over = false;
        }
    }
    json_decref(status);
    return over;
}

int cli_follow(struct cli *c, uint64_t attempt, unsigned timeout_ms)
{
    struct following f = {.attempt = attempt,
                          .began = cli_now_ms(),
                          .timeout_ms = timeout_ms,
                          .pause = POLL_FIRST_MS};
    int exit_code;
    cli_catch_interrupts();
    while (!look(c, &f, &exit_code)) {
        if (cli_is_interrupted()) {
            end_row(&f);
            return report_cancelled(c, attempt);
        }
        cli_sleep_ms(f.pause);
        f.pause = f.pause + f.pause / 4 > POLL_MOST_MS ? POLL_MOST_MS : f.pause + f.pause / 4;
    }
    return exit_code;
}

/* A name or a short id, as the screen shows it, stands for the peer it is of; `id` or the text. */
static const char *resolve(struct cli *c, const char *text, char id[static WHTNXT_ID_SIZE])
{
    struct whtnxt_answer a = {.result = NULL};
    bool found = strlen(text) < NAME_MOST &&
                 cli_call(c, WHTNXT_METHOD_GET_STATUS, NULL, CLI_POLL_DEADLINE_MS, &a) == 0 &&
                 cli_find_name(a.result, text, id) == 1;
    whtnxt_answer_fini(&a);
    return found ? id : text;
}

/* `timeout_s` 0: as usual. */
static int begin(struct cli *c, const char *text, unsigned timeout_s)
{
    bool started;
    char id[WHTNXT_ID_SIZE];
    int exit_code = cli_start_main(c, &started);
    if (exit_code != CLI_OK) {
        return exit_code;
    }
    json_t *params = cli_connect_params(resolve(c, text, id));
    if (timeout_s != 0) {
        json_object_set_new(params, "timeoutMs", json_integer((json_int_t)timeout_s * 1000));
    }
    json_t *result = cli_ask(c, WHTNXT_METHOD_CONNECT, params, &exit_code);
    if (result == NULL) {
        return exit_code;
    }
    uint64_t attempt = cli_number(result, "attempt");
    json_decref(result);
    return cli_follow(c, attempt, (timeout_s != 0 ? timeout_s : TIMEOUT_DEFAULT_S) * 1000);
}

int cmd_connect(struct cli *c, int argc, char **argv)
{
    static const struct option table[] = {{"json", no_argument, NULL, 'j'},
                                          {"timeout", required_argument, NULL, 't'},
                                          {NULL, 0, NULL, 0}};
    uint64_t timeout_s = 0;
    for (int o = cli_option(c, argc, argv, "", table); o != CLI_OPTIONS_END;
         o = cli_option(c, argc, argv, "", table)) {
        if (o == CLI_OPTION_BAD) {
            return CLI_USAGE;
        }
        if (o == 't' && !cli_parse_number(optarg, 1, TIMEOUT_MOST_S, &timeout_s)) {
            cli_complain(c, "--timeout takes whole seconds from 1 to 3600.", "");
            return CLI_USAGE;
        }
        c->json |= o == 'j';
    }
    if (optind + 1 != argc) {
        return cli_usage_of("connect");
    }
    return begin(c, argv[optind], (unsigned)timeout_s);
}
