#include "cli/cli.h"

#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "--jsno=1" -> "jsno", fit to be shown. */
static void option_word(const char *text, char out[static 48])
{
    char copy[48];
    snprintf(copy, sizeof(copy), "%s", text + strspn(text, "-"));
    copy[strcspn(copy, "=")] = '\0';
    lp2p_text_clean(lp2p_span_str(copy), out, 48);
}

/* An option of all commands stands before the command; else one that may have been meant. */
static void fill_hint(const char *command, const char *word, const struct option *table,
                      char hint[static 96])
{
    bool profile = strcmp(word, "profile") == 0;
    const char *nearest = cli_nearest_option(word, table);
    hint[0] = '\0';
    if (command != NULL && (profile || strcmp(word, "no-color") == 0)) {
        snprintf(hint, 96, "It stands before the command: whtnxt --%s%s %s", word,
                 profile ? " NAME" : "", command);
    } else if (nearest != NULL) {
        snprintf(hint, 96, "Did you mean: --%s", nearest);
    }
}

static void complain_unknown(const struct cli *c, const char *command, const char *text,
                             const struct option *table)
{
    char word[48];
    char says[96];
    char hint[96];
    option_word(text, word);
    fill_hint(command, word, table, hint);
    bool is_long = strncmp(text, "--", 2) == 0;
    snprintf(says, sizeof(says), "There is no option '%s%s'.", is_long ? "--" : "-", word);
    cli_complain(c, says, hint);
}

static const char *option_name(const struct option *table, int letter)
{
    while (table->name != NULL && table->val != letter) {
        table++;
    }
    return table->name != NULL ? table->name : "";
}

int cli_option(const struct cli *c, int argc, char **argv, const char *letters,
               const struct option *table)
{
    char says[96];
    char form[16];
    bool first = letters[0] == '+';
    /* ":" makes a missing argument another answer than an option that is none. */
    snprintf(form, sizeof(form), "%s:%s", first ? "+" : "", letters + (first ? 1 : 0));
    opterr = 0;
    optopt = 0;
    /* Where getopt looks now: it moves on before it says what is wrong. */
    int at = optind == 0 ? 1 : optind;
    int o = getopt_long(argc, argv, form, table, NULL);
    if (o != '?' && o != ':') {
        return o;
    }
    const char *command = strrchr(argv[0], ' ');
    command = command != NULL ? command + 1 : NULL;
    const char *text = optind > at || at >= argc ? argv[optind - 1] : argv[at];
    if (o == ':') {
        snprintf(says, sizeof(says), "--%s needs a value.", option_name(table, optopt));
        cli_complain(c, says, "");
    } else if (optopt != 0 && *option_name(table, optopt) != '\0') {
        snprintf(says, sizeof(says), "--%s takes no value.", option_name(table, optopt));
        cli_complain(c, says, "");
    } else {
        complain_unknown(c, command, text, table);
    }
    if (command != NULL) {
        (void)cli_usage_of(command);
    }
    return CLI_OPTION_BAD;
}

bool cli_only_json(struct cli *c, int argc, char **argv)
{
    static const struct option table[] = {{"json", no_argument, NULL, 'j'}, {NULL, 0, NULL, 0}};
    int o;
    while ((o = cli_option(c, argc, argv, "", table)) == 'j') {
        c->json = true;
    }
    return o == CLI_OPTIONS_END;
}

bool cli_no_options(const struct cli *c, int argc, char **argv)
{
    static const struct option table[] = {{NULL, 0, NULL, 0}};
    return cli_option(c, argc, argv, "", table) == CLI_OPTIONS_END;
}

bool cli_parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
    char *end;
    errno = 0;
    unsigned long long v = strtoull(text, &end, 10);
    /* strtoull takes blanks and signs. */
    bool digits = text[0] >= '0' && text[0] <= '9';
    if (errno != 0 || !digits || *end != '\0' || v < min || v > max) {
        return false;
    }
    *ret = v;
    return true;
}
