#include "cli/cli.h"

#include <qrencode.h>
#include <stdio.h>
#include <string.h>

/* Light modules around the code: scanners need them (JOURNEY R7). */
#define QR_MARGIN 4
/* A node listens long before this, and is asked again after that. */
#define LAN_DEADLINE_MS 3000U
#define LAN_LOOK_MS     50U

static bool is_dark(const QRcode *qr, int x, int y)
{
    if (x < 0 || y < 0 || x >= qr->width || y >= qr->width) {
        return false;
    }
    return (qr->data[y * qr->width + x] & 1) != 0;
}

/*
 * Two rows of modules a line, as half blocks. Dark on light whatever the terminal's colours are:
 * with colours black on white is set; without, the blocks are the light parts, as most terminals
 * are dark.
 */
static void print_qr(const struct cli *c, const QRcode *qr)
{
    static const char *const blocks[2][2] = {{"\u2588", "\u2580"}, {"\u2584", " "}};
    for (int y = -QR_MARGIN; y < qr->width + QR_MARGIN; y += 2) {
        fputs(c->color_out ? "\033[37;40m" : "", stdout);
        for (int x = -QR_MARGIN; x < qr->width + QR_MARGIN; x++) {
            fputs(blocks[is_dark(qr, x, y)][is_dark(qr, x, y + 1)], stdout);
        }
        puts(cli_reset_out(c));
    }
}

/* Broken over two lines it cannot be read. A pipe has no width. */
static bool fits(const struct cli *c, const QRcode *qr)
{
    unsigned columns;
    unsigned rows;
    unsigned width = (unsigned)qr->width + 2 * QR_MARGIN;
    if (!cli_terminal_size(&columns, &rows) || width <= columns) {
        return true;
    }
    char text[96];
    snprintf(text, sizeof(text), "The QR code is %u columns wide, this terminal has %u.", width,
             columns);
    cli_complain(c, text, "Make it wider, or its letters smaller.");
    return false;
}

static int show_qr(const struct cli *c, const char *link)
{
    /* Level M, byte mode (JOURNEY R7). */
    QRcode *qr = QRcode_encodeString8bit(link, 0, QR_ECLEVEL_M);
    if (qr == NULL) {
        cli_complain(c, "The link does not fit a QR code.", "");
        return CLI_FAILED;
    }
    if (!fits(c, qr)) {
        QRcode_free(qr);
        return CLI_FAILED;
    }
    print_qr(c, qr);
    QRcode_free(qr);
    puts(link);
    return CLI_OK;
}

/* Our addresses are known a moment after the start: looks until they are, or something else is
 * wrong. Asking for the link instead would fill the log with refusals. */
static void wait_for_addresses(struct cli *c)
{
    uint64_t deadline = cli_now_ms() + LAN_DEADLINE_MS;
    bool starting = true;
    while (starting && cli_now_ms() < deadline) {
        struct whtnxt_answer a = {.result = NULL};
        if (cli_call(c, WHTNXT_METHOD_GET_STATUS, NULL, CLI_POLL_DEADLINE_MS, &a) != 0) {
            return;
        }
        const char *state = cli_text(json_object_get(a.result, "node"), "state");
        starting = strcmp(state, "starting") == 0 || strcmp(state, "restarting") == 0;
        whtnxt_answer_fini(&a);
        if (starting) {
            cli_sleep_ms(LAN_LOOK_MS);
        }
    }
}

int cmd_link(struct cli *c, int argc, char **argv)
{
    static const struct option table[] = {
        {"qr", no_argument, NULL, 'q'}, {"lan", no_argument, NULL, 'l'}, {NULL, 0, NULL, 0}};
    bool qr = false;
    bool lan = false;
    for (int o = cli_option(c, argc, argv, "", table); o != CLI_OPTIONS_END;
         o = cli_option(c, argc, argv, "", table)) {
        if (o == CLI_OPTION_BAD) {
            return CLI_USAGE;
        }
        qr |= o == 'q';
        lan |= o == 'l';
    }
    if (optind != argc) {
        return cli_usage_of("link");
    }
    if (lan) {
        wait_for_addresses(c);
    }
    int exit_code;
    json_t *params = json_pack("{s:b}", "lan", lan);
    json_t *result = cli_ask(c, WHTNXT_METHOD_GET_LINK, params, &exit_code);
    if (result == NULL) {
        return exit_code;
    }
    const char *link = cli_text(result, "url");
    if (qr) {
        exit_code = show_qr(c, link);
    } else {
        puts(link);
    }
    json_decref(result);
    return exit_code;
}
