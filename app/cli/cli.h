/*
 * whtnxt, the command line: a renderer without memory of its own. Asks main, shows the answer
 * (DESIGN 2).
 *
 *   main.c      global options
 *   commands.c  the table of commands, help
 *   options.c   options of a command
 *   nearest.c   the word that a mistyped one may have meant
 *   client.c    one call to main over its socket; starting main
 *   holder.c    a main that runs but does not listen where we look
 *   clock.c     the only file of app that reads a clock or sleeps
 *   out.c       colours and text for people
 *   status.c    status                  link.c     link, QR
 *   connect.c   connect and its stages  log.c      log
 *   control.c   up, down, cancel, version
 *   peers.c     peers                   peer.c     disconnect, forget, block, unblock, alias
 *   find.c      the peer that a name, a link or an id means
 *   settings.c  settings                ping.c     ping
 *   identity.c  identity                restart.c  restart
 *   ask.c       yes or no
 *   watch.c     status --watch          screen.c   a text redrawn in its place
 *   interrupt.c Ctrl+C and the terminal's size
 *   home.c      whtnxt alone: link, peers, a pasted link
 *
 * Data goes to standard output, talk to standard error; exit codes are those of the causes
 * (ipc/cause.h).
 */
#ifndef WHTNXT_CLI_H
#define WHTNXT_CLI_H

#include "ipc/ipc.h"
#include "ipc/paths.h"
#include "ipc/state.h"

#include <getopt.h>
#include <stdio.h>

/* Exit codes (DESIGN 4.10). */
#define CLI_OK        0
#define CLI_FAILED    1
#define CLI_USAGE     2
#define CLI_DOWN      3
#define CLI_CANCELLED 130

/* A poll is answered within this, or main does not answer (DESIGN 2). */
#define CLI_POLL_DEADLINE_MS 1000U
/* A disk that is slow to say that a key is safe. */
#define CLI_DISK_DEADLINE_MS 10000U
/* Starting main: key, lock and socket are there long before. */
#define CLI_START_DEADLINE_MS 5000U

struct cli {
    struct whtnxt_paths paths;
    bool color_out;
    bool color_err;
    bool live_err; /* standard error is a terminal that draws over a row */
    bool json;
};

/* A command: what it is called, what it takes, and its page of help. */
struct command {
    const char *name;
    const char *args;    /* "LINK|PEERID|MULTIADDR" */
    const char *summary; /* one line */
    const char *options; /* lines of help, or "" */
    const char *example;
    int (*run)(struct cli *c, int argc, char **argv);
};

const struct command *cli_commands(size_t *ret_n);
/* NULL when there is none. */
const struct command *cli_find_command(const char *name);
/* Prints how the command is called, to standard error; returns CLI_USAGE. */
int cli_usage_of(const char *name);
void cli_print_help(void);
int cli_complain_unknown(const struct cli *c, const char *word);

/* ---- options.c ---- */

/* What cli_option returns beside the option's letter. */
#define CLI_OPTIONS_END (-1)
#define CLI_OPTION_BAD  '?' /* said already, with the nearest one: end with CLI_USAGE */

/*
 * The next option of a command as getopt_long gives it. `letters` are the short ones ("c:i:"; with
 * "+" first it stops at the first word that is none). After "whtnxt COMMAND" in argv[0] its usage
 * is printed too.
 */
int cli_option(const struct cli *c, int argc, char **argv, const char *letters,
               const struct option *table);
/* For a command whose only option may be --json; false: end with CLI_USAGE. */
bool cli_only_json(struct cli *c, int argc, char **argv);
/* For a command without options; false: end with CLI_USAGE. */
bool cli_no_options(const struct cli *c, int argc, char **argv);
/* A whole number from `min` to `max`. */
bool cli_parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *ret);

/* ---- nearest.c ---- */

/* Slips between two words: a letter missing, added, wrong, or swapped with its neighbour. */
unsigned cli_distance(const char *a, const char *b);
/* A word is no slip of another when more letters are wrong than this, or all of them. */
#define CLI_SLIPS_MAX 2U
/* The command that was probably meant, or NULL. */
const char *cli_nearest(const char *word);
/* The same for an option without its dashes. */
const char *cli_nearest_option(const char *word, const struct option *table);

int cmd_up(struct cli *c, int argc, char **argv);
int cmd_down(struct cli *c, int argc, char **argv);
int cmd_status(struct cli *c, int argc, char **argv);
int cmd_link(struct cli *c, int argc, char **argv);
int cmd_connect(struct cli *c, int argc, char **argv);
int cmd_cancel(struct cli *c, int argc, char **argv);
int cmd_disconnect(struct cli *c, int argc, char **argv);
int cmd_forget(struct cli *c, int argc, char **argv);
int cmd_block(struct cli *c, int argc, char **argv);
int cmd_unblock(struct cli *c, int argc, char **argv);
int cmd_alias(struct cli *c, int argc, char **argv);
int cmd_peers(struct cli *c, int argc, char **argv);
int cmd_log(struct cli *c, int argc, char **argv);
int cmd_identity(struct cli *c, int argc, char **argv);
int cmd_restart(struct cli *c, int argc, char **argv);
int cmd_ping(struct cli *c, int argc, char **argv);
int cmd_settings(struct cli *c, int argc, char **argv);
int cmd_version(struct cli *c, int argc, char **argv);
int cmd_help(struct cli *c, int argc, char **argv);
int cmd_home(struct cli *c);

/* ---- client.c ---- */

/*
 * Calls a method and waits at most `deadline_ms`. `params` is taken over. Returns 0 and an answer
 * (also a refusal), or -LP2P_E_REFUSED (main is not running), -LP2P_E_TIMEOUT, -LP2P_E_PERM,
 * -LP2P_E_DECODE, -LP2P_E_IO.
 */
int cli_call(struct cli *c, enum whtnxt_method method, json_t *params, unsigned deadline_ms,
             struct whtnxt_answer *ret);
/* The result, or NULL after the reason was printed; `*ret_exit` is what to exit with. The caller
 * owns it. */
json_t *cli_ask(struct cli *c, enum whtnxt_method method, json_t *params, int *ret_exit);
/* Says why a call failed; returns the exit code. */
int cli_complain_call(struct cli *c, int err);
/* As cli_ask for p2p:get-status. */
json_t *cli_status(struct cli *c, int *ret_exit);
/* Starts main if it is not running and waits until it answers; 0 or an exit code after the reason
 * was printed. */
int cli_start_main(struct cli *c, bool *ret_started);
/* A descriptor by which the end of main's process can be waited for; -1 when none runs. The caller
 * closes it. */
int cli_watch_main(struct cli *c);
/* False when it still runs at the deadline. */
bool cli_wait_gone(int pidfd, unsigned deadline_ms);
/* Becomes main, in the foreground; returns only on failure. */
int cli_become_main(struct cli *c);

/* ---- ask.c ---- */

/* Asks on the terminal; false for anything but yes. Without a terminal nobody is asked: false, and
 * --yes is named. */
bool cli_confirm(const struct cli *c, const char *question);

/* ---- interrupt.c ---- */

/* From now on Ctrl+C and SIGTERM end nothing by themselves, and a new size of the terminal is seen.
 */
void cli_catch_interrupts(void);
bool cli_is_interrupted(void);
/* A new size of the terminal is seen, and nothing else changes. */
void cli_catch_resize(void);
/* True once after the terminal's size changed. */
bool cli_take_resize(void);

/* ---- holder.c ---- */

/* A main that holds the profile's lock, by its own word in the lock's file. */
struct cli_holder {
    long pid;
    char socket[WHTNXT_PATH_SIZE];
};

/* False when nobody holds it, or it does not say who. */
bool cli_find_holder(const struct cli *c, struct cli_holder *ret);
/* True after it was said that one runs, but listens elsewhere than we look. */
bool cli_complain_holder(const struct cli *c);
/* Asks it to end; a descriptor to wait by, -1 when there is none. The caller closes it. */
int cli_end_holder(const struct cli *c);

/* ---- clock.c ---- */

uint64_t cli_now_ms(void);
/* Since 1970. */
uint64_t cli_wall_ms(void);
void cli_sleep_ms(unsigned ms);
/* "14:03:07" of a wall clock time in milliseconds. */
void cli_format_time(uint64_t wall_ms, char out[LP2P_SIZE(16)]);

/* ---- out.c ---- */

enum cli_style { CLI_PLAIN = 0, CLI_BOLD, CLI_DIM, CLI_GREEN, CLI_YELLOW, CLI_RED };

void cli_init_color(struct cli *c, bool never);
/* Escape sequences, "" where colours are off. */
const char *cli_style_out(const struct cli *c, enum cli_style s);
const char *cli_style_err(const struct cli *c, enum cli_style s);
const char *cli_reset_out(const struct cli *c);
const char *cli_reset_err(const struct cli *c);
/* "whtnxt: TEXT" and the hint below it, on standard error. */
void cli_complain(const struct cli *c, const char *text, const char *hint);
/* The same for a cause with its plain sentence; returns its exit code. */
int cli_complain_cause(const struct cli *c, enum whtnxt_cause cause);
/* What was printed has left: CLI_FAILED, said on standard error, when it could not be written. */
int cli_finish_output(const struct cli *c);
/* Nobody reads any more: the other end of the pipe is closed. */
bool cli_is_output_gone(void);
/* The terminal cannot do more than lines: TERM is not set, or "dumb". */
bool cli_is_dumb(void);
/* Columns and rows of the terminal on standard output; false when there is none. */
bool cli_terminal_size(unsigned *ret_columns, unsigned *ret_rows);
/* Prints JSON for a script, one document and a newline; `one_line` for streams of them. */
void cli_print_json(const json_t *v, bool one_line);

/* ---- status.c ---- */

/* A text member, "" when it is missing. Valid as long as the object. */
const char *cli_text(const json_t *o, const char *key);
uint64_t cli_number(const json_t *o, const char *key);
/* A person's name for a peer: alias, else the link's name in quotes, else the short id. */
void cli_peer_name(const json_t *status, const char *id, char out[LP2P_SIZE(80)]);
/* A row of a list: the id at its end where the terminal has room for it. */
void cli_print_row(const struct cli *c, FILE *out, const char *text, const char *id);
/* What a person reads of an attempt's stage; static, or `stage`. */
const char *cli_stage_text(const char *stage);
bool cli_has_ended(const json_t *attempt);
/* What is known of a remembered peer, in words: "kept connected, blocked", or "". */
void cli_format_marks(const json_t *p, char out[LP2P_SIZE(80)]);
void cli_print_connections(const struct cli *c, FILE *out, const json_t *status);
void cli_print_discovered(const struct cli *c, FILE *out, const json_t *status);
/* The status for a person. */
void cli_print_status(const struct cli *c, FILE *out, const json_t *status);

/* ---- watch.c ---- */

/* The status again and again, until Ctrl+C or until nobody reads. */
int cli_watch(struct cli *c);

/* ---- find.c ---- */

/*
 * The id of the peer a person means: a link, a peer id, an alias, a link's name or a short id as it
 * is shown (three dots will do for the ellipsis). CLI_OK, or an exit code after the reason was
 * printed.
 */
int cli_find_peer(struct cli *c, const char *text, char out[LP2P_SIZE(WHTNXT_ID_SIZE)]);
/* The same in a picture: 0, 1, or more when several may be meant; the last of them in `out`. */
size_t cli_find_name(const json_t *status, const char *text, char out[LP2P_SIZE(WHTNXT_ID_SIZE)]);
/* An attempt of the picture, NULL when it is not there. */
const json_t *cli_find_attempt(const json_t *status, uint64_t id);

/* ---- connect.c ---- */

/* What p2p:connect takes for a text a person gave. The caller owns it. */
json_t *cli_connect_params(const char *text);
/* Follows an attempt until it ends, stages on standard error; returns the exit code. */
int cli_follow(struct cli *c, uint64_t attempt, unsigned timeout_ms);

#endif
