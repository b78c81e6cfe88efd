/*
 * A text that is redrawn in its place: up to where it began, each line over the old one, the rest
 * cleared. One write a frame and only what is seen changes, so nothing flickers; lines are cut to
 * the terminal's width, so that we know where it began, also after the width has changed.
 */
#ifndef WHTNXT_CLI_SCREEN_H
#define WHTNXT_CLI_SCREEN_H

#include "base/buf.h"

/* No terminal shows more lines at once. */
#define CLI_SCREEN_LINES 512U

struct cli_screen {
    size_t lines;                       /* of the frame on the terminal */
    unsigned columns[CLI_SCREEN_LINES]; /* of each of them */
};

/* Characters a line takes on a terminal; escape sequences take none. */
unsigned cli_screen_columns(struct lp2p_span line);

/* Appends what draws `text` over the frame before it on a terminal of that size. -LP2P_E_NOMEM,
 * -LP2P_E_LIMIT. */
int cli_screen_draw(struct cli_screen *s, struct lp2p_span text, unsigned columns, unsigned rows,
                    struct lp2p_buf *out);

/*
 * For a view that is drawn whole: appends as many lines of `text` as fit that many rows of so many
 * columns; lines that are too long take several. The first `keep` lines are there in any case;
 * where some are left out the last row says so. -LP2P_E_NOMEM, -LP2P_E_LIMIT.
 */
struct cli_room {
    unsigned columns;
    size_t rows;
    size_t keep;
};
int cli_screen_fit(struct lp2p_span text, const struct cli_room *room, struct lp2p_buf *out);

/* Appends `text`, plain words with a blank between them, broken at words; returns the rows it
 * takes, or an error as above. */
int cli_screen_wrap(const char *text, unsigned columns, struct lp2p_buf *out);

#endif
