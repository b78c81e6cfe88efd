#include "cli/cli.h"

#include "lp2p/types.h"

#include <string.h>

/* Longer words are no slip of a command, which has at most 10 letters. */
#define WORD_MAX 16U
/* Two slips at most, and fewer than letters: "x" suggests nothing. */
#define SLIPS_MAX 2U

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

const char *cli_nearest(const char *word)
{
    size_t n;
    const struct command *commands = cli_commands(&n);
    const char *best = NULL;
    unsigned slips = SLIPS_MAX + 1;
    for (size_t i = 0; i < n; i++) {
        unsigned d = cli_distance(word, commands[i].name);
        if (d < slips && d < strlen(word)) {
            slips = d;
            best = commands[i].name;
        }
    }
    return best;
}
