#include "cli/cli.h"

#include "lp2p/types.h"

#include <string.h>

/* Longer words are no slip of a command or an option, which have at most 10 letters. */
#define WORD_MAX 16U

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Optimal string alignment: letters missing, added, wrong, or swapped with their neighbour. */
unsigned cli_distance(const char *a, const char *b)
{
    unsigned d[WORD_MAX + 1][WORD_MAX + 1];
    size_t na = strlen(a);
    size_t nb = strlen(b);
    if (na > WORD_MAX || nb > WORD_MAX) {
        return WORD_MAX;
    }
    for (size_t i = 0; i <= na; i++) {
        for (size_t j = 0; j <= nb; j++) {
            if (i == 0 || j == 0) {
                d[i][j] = (unsigned)(i + j);
                continue;
            }
            unsigned wrong = a[i - 1] != b[j - 1];
            d[i][j] = least(d[i - 1][j - 1] + wrong, least(d[i - 1][j], d[i][j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
            }
        }
    }
    return d[na][nb];
}

/* Takes `name` for the best so far when it is nearer to the word. */
static void consider(const char *word, const char *name, unsigned *slips, const char **best)
{
    unsigned d = cli_distance(word, name);
    if (d < *slips && d < strlen(word)) {
        *slips = d;
        *best = name;
    }
}

const char *cli_nearest(const char *word)
{
    size_t n;
    const struct command *commands = cli_commands(&n);
    const char *best = NULL;
    unsigned slips = CLI_SLIPS_MAX + 1;
    for (size_t i = 0; i < n; i++) {
        consider(word, commands[i].name, &slips, &best);
    }
    return best;
}

const char *cli_nearest_option(const char *word, const struct option *table)
{
    const char *best = NULL;
    unsigned slips = CLI_SLIPS_MAX + 1;
    for (; table->name != NULL; table++) {
        consider(word, table->name, &slips, &best);
    }
    return best;
}
