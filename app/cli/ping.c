#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Results are asked for a few times between two pings, so that a pong is shown when it comes. */
#define POLL_LEAST_MS 20U
#define POLL_MOST_MS  200U
#define INTERVAL_MS   1000U

struct series {
    uint64_t id;
    uint64_t shown; /* number of the last pong that was printed */
    unsigned pause;
};

/* Seconds with a fraction, as ms; false for what is no such number or out of any range. */
static bool parse_interval(const char *text, uint64_t *ret)
{
    char *end;
    errno = 0;
    double s = strtod(text, &end);
    bool digits = text[0] >= '0' && text[0] <= '9';
    if (errno != 0 || !digits || *end != '\0' || !(s > 0 && s <= 1e6)) {
        return false;
    }
    *ret = (uint64_t)(s * 1000 + 0.5);
    return true;
}

static double number_of(const json_t *o, const char *key)
{
    return json_number_value(json_object_get(o, key));
}

static void print_pongs(const struct cli *c, struct series *s, const json_t *answer)
{
    size_t i;
    const json_t *p;
    json_array_foreach(json_object_get(answer, "pongs"), i, p)
    {
        s->shown = cli_number(p, "seq");
        if (c->json) {
            cli_print_json(p, true);
        } else {
            printf("pong from %s: seq=%llu time=%.3f ms\n", cli_text(answer, "displayName"),
                   (unsigned long long)s->shown, number_of(p, "ms"));
        }
    }
    fflush(stdout);
}

static void print_summary(const struct cli *c, const json_t *answer)
{
    uint64_t sent = cli_number(answer, "sent");
    uint64_t received = cli_number(answer, "received");
    if (c->json) {
        json_t *o = json_deep_copy(answer);
        json_object_del(o, "pongs");
        cli_print_json(o, true);
        json_decref(o);
        return;
    }
    printf("\n--- %s ---\n%llu sent, %llu received, %llu %% lost\n",
           cli_text(answer, "displayName"), (unsigned long long)sent, (unsigned long long)received,
           sent == 0 ? 0ULL : (unsigned long long)((sent - received) * 100 / sent));
    if (received > 0) {
        printf("min/avg/max %.3f/%.3f/%.3f ms\n", number_of(answer, "minMs"),
               number_of(answer, "avgMs"), number_of(answer, "maxMs"));
    }
}

/* 0 when there was a pong, else the cause. */
static int finish(const struct cli *c, const json_t *answer)
{
    enum whtnxt_cause cause = whtnxt_cause_find(cli_text(answer, "code"));
    print_summary(c, answer);
    fflush(stdout);
    if (*cli_text(answer, "text") != '\0') {
        cli_complain(c, cli_text(answer, "text"), "");
    }
    if (cli_number(answer, "received") > 0) {
        return CLI_OK;
    }
    if (cli_is_interrupted()) {
        return CLI_CANCELLED;
    }
    return cause != WHTNXT_CAUSE_NONE ? whtnxt_cause_exit(cause) : CLI_FAILED;
}

static json_t *pull(struct cli *c, const struct series *s, int *ret_exit)
{
    json_t *params = json_pack("{s:I, s:I}", "ping", (json_int_t)s->id, "after",
                               (json_int_t)s->shown);
    return cli_ask(c, WHTNXT_METHOD_GET_PING, params, ret_exit);
}

static void stop(struct cli *c, const struct series *s)
{
    struct whtnxt_answer a = {.result = NULL};
    json_t *params = json_pack("{s:I}", "ping", (json_int_t)s->id);
    if (cli_call(c, WHTNXT_METHOD_STOP_PING, params, CLI_POLL_DEADLINE_MS, &a) == 0) {
        whtnxt_answer_fini(&a);
    }
}

static int follow(struct cli *c, struct series *s)
{
    int exit_code;
    bool over = false;
    while (!over) {
        bool last = cli_is_interrupted() || cli_is_output_gone();
        if (last) {
            stop(c, s);
        }
        json_t *answer = pull(c, s, &exit_code);
        over = answer == NULL || last || json_is_true(json_object_get(answer, "ended"));
        print_pongs(c, s, answer);
        if (over && answer != NULL) {
            exit_code = finish(c, answer);
        }
        json_decref(answer);
        if (!over) {
            cli_sleep_ms(s->pause);
        }
    }
    return exit_code;
}

static int begin(struct cli *c, const char *text, uint64_t count, uint64_t interval_ms)
{
    char id[WHTNXT_ID_SIZE];
    int exit_code = cli_find_peer(c, text, id);
    if (exit_code != CLI_OK) {
        return exit_code;
    }
    json_t *params = json_pack("{s:s, s:I}", "peerId", id, "intervalMs", (json_int_t)interval_ms);
    if (count > 0) {
        json_object_set_new(params, "count", json_integer((json_int_t)count));
    }
    json_t *result = cli_ask(c, WHTNXT_METHOD_PING, params, &exit_code);
    if (result == NULL) {
        return exit_code;
    }
    struct series s = {.id = cli_number(result, "ping"), .pause = POLL_MOST_MS};
    if (interval_ms < 4 * (uint64_t)POLL_MOST_MS) {
        s.pause = interval_ms < 4 * (uint64_t)POLL_LEAST_MS ? POLL_LEAST_MS
                                                            : (unsigned)interval_ms / 4;
    }
    json_decref(result);
    return follow(c, &s);
}

int cmd_ping(struct cli *c, int argc, char **argv)
{
    static const struct option table[] = {{"count", required_argument, NULL, 'c'},
                                          {"interval", required_argument, NULL, 'i'},
                                          {"json", no_argument, NULL, 'j'},
                                          {NULL, 0, NULL, 0}};
    uint64_t count = 0;
    uint64_t interval_ms = INTERVAL_MS;
    for (int o = cli_option(c, argc, argv, "c:i:", table); o != CLI_OPTIONS_END;
         o = cli_option(c, argc, argv, "c:i:", table)) {
        if (o == CLI_OPTION_BAD) {
            return CLI_USAGE;
        }
        if (o == 'c' && !cli_parse_number(optarg, 1, INT64_MAX, &count)) {
            cli_complain(c, "--count takes a whole number, at least 1.", "");
            return CLI_USAGE;
        }
        if (o == 'i' && !parse_interval(optarg, &interval_ms)) {
            cli_complain(c, "--interval takes seconds, for example 0.5.", "");
            return CLI_USAGE;
        }
        c->json |= o == 'j';
    }
    if (optind + 1 != argc) {
        return cli_usage_of("ping");
    }
    cli_catch_interrupts();
    return begin(c, argv[optind], count, interval_ms);
}
