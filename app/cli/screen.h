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

#endif
