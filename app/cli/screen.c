#include "cli/screen.h"

#include "base/assert.h"
#include "base/text.h"
#include "lp2p/error.h"

#include <stdio.h>
#include <string.h>

#define ESCAPE 0x1b
/* From here on characters of East Asian scripts and pictures take two columns; a few that take one
 * are cut early, which harms nothing. */
#define WIDE_FROM 0x2e80U

/* One character or escape sequence at the start of a line: its bytes, and the columns it takes. */
static size_t next_piece(struct lp2p_span line, unsigned *ret_columns)
{
    uint32_t c = 0;
    *ret_columns = 0;
    if (line.p[0] == ESCAPE) {
        /* "ESC [ ... letter": the only ones we print. */
        size_t n = 1;
        while (n < line.n && !((line.p[n] | 0x20) >= 'a' && (line.p[n] | 0x20) <= 'z')) {
            n++;
        }
        return LP2P_MIN(n + 1, line.n);
    }
    size_t n = lp2p_text_decode(line, &c);
    *ret_columns = c >= WIDE_FROM ? 2 : 1;
    return n > 0 ? n : 1;
}

unsigned cli_screen_columns(struct lp2p_span line)
{
    unsigned columns = 0;
    while (line.n > 0) {
        unsigned takes;
        size_t n = next_piece(line, &takes);
        columns += takes;
        line = lp2p_span(line.p + n, line.n - n);
    }
    return columns;
}

static int append_str(struct lp2p_buf *out, const char *text)
{
    return lp2p_buf_append(out, text, strlen(text));
}

/* As much as fits; what is left out may not leave its colour behind. */
static int put_line(struct lp2p_span line, unsigned room, unsigned *ret_columns,
                    struct lp2p_buf *out)
{
    bool cut = false;
    *ret_columns = 0;
    while (line.n > 0) {
        unsigned takes;
        size_t n = next_piece(line, &takes);
        cut = cut || (takes > 0 && *ret_columns + takes > room);
        if (!cut) {
            *ret_columns += takes;
        }
        if (!cut || takes == 0) {
            LP2P_TRY(lp2p_buf_append(out, line.p, n));
        }
        line = lp2p_span(line.p + n, line.n - n);
    }
    return append_str(out, "\033[K\n");
}

/* Rows the last frame takes now: a narrower terminal has broken its lines. */
static size_t rows_drawn(const struct cli_screen *s, unsigned columns)
{
    size_t rows = 0;
    for (size_t i = 0; i < s->lines; i++) {
        rows += s->columns[i] == 0 ? 1 : (s->columns[i] + columns - 1) / columns;
    }
    return rows;
}

static int go_up(const struct cli_screen *s, unsigned columns, unsigned rows, struct lp2p_buf *out)
{
    char up[32];
    /* Beyond the first row there is nothing to go to. */
    size_t n = LP2P_MIN(rows_drawn(s, columns), (size_t)rows - 1);
    if (n > 0) {
        snprintf(up, sizeof(up), "\033[%zuA", n);
        LP2P_TRY(append_str(out, up));
    }
    return append_str(out, "\r");
}

static struct lp2p_span take_line(struct lp2p_span *text)
{
    const uint8_t *end = memchr(text->p, '\n', text->n);
    size_t n = end != NULL ? (size_t)(end - text->p) : text->n;
    struct lp2p_span line = lp2p_span(text->p, n);
    size_t used = LP2P_MIN(n + 1, text->n);
    *text = lp2p_span(text->p + used, text->n - used);
    return line;
}

int cli_screen_draw(struct cli_screen *s, struct lp2p_span text, unsigned columns, unsigned rows,
                    struct lp2p_buf *out)
{
    columns = LP2P_MAX(columns, 2U);
    rows = LP2P_MAX(rows, 2U);
    LP2P_TRY(go_up(s, columns, rows, out));
    s->lines = 0;
    /* The cursor waits in the row below: one row less for the text. */
    size_t most = LP2P_MIN((size_t)rows - 1, (size_t)CLI_SCREEN_LINES);
    while (text.n > 0 && s->lines < most) {
        struct lp2p_span line = take_line(&text);
        if (s->lines + 1 == most && text.n > 0) {
            line = lp2p_span_str("...");
        }
        /* The last column stays free: terminals disagree where the cursor is after it. */
        LP2P_TRY(put_line(line, columns - 1, &s->columns[s->lines], out));
        s->lines++;
    }
    return append_str(out, "\033[J");
}

static size_t rows_of(struct lp2p_span line, unsigned columns)
{
    unsigned n = cli_screen_columns(line);
    return n == 0 ? 1 : (n + columns - 1) / columns;
}

int cli_screen_fit(struct lp2p_span text, const struct cli_room *room, struct lp2p_buf *out)
{
    size_t used = 0;
    unsigned columns = LP2P_MAX(room->columns, 1U);
    for (size_t i = 0; text.n > 0; i++) {
        struct lp2p_span line = take_line(&text);
        size_t takes = rows_of(line, columns);
        /* A row is kept for the dots while more may follow. */
        size_t last = text.n > 0 ? 1 : 0;
        if (i >= room->keep && used + takes + last > room->rows) {
            return used < room->rows ? append_str(out, "...\n") : 0;
        }
        LP2P_TRY(lp2p_buf_append(out, line.p, line.n));
        LP2P_TRY(append_str(out, "\n"));
        used += takes;
    }
    return 0;
}

int cli_screen_wrap(const char *text, unsigned columns, struct lp2p_buf *out)
{
    int rows = 1;
    size_t used = 0;
    while (*text != '\0') {
        size_t n = strcspn(text, " ");
        size_t takes = cli_screen_columns(lp2p_span((const uint8_t *)text, n));
        if (used > 0 && used + 1 + takes > columns) {
            LP2P_TRY(append_str(out, "\n"));
            used = 0;
            rows++;
        } else if (used > 0) {
            LP2P_TRY(append_str(out, " "));
            used++;
        }
        LP2P_TRY(lp2p_buf_append(out, text, n));
        used += takes;
        text += n + strspn(text + n, " ");
    }
    LP2P_TRY(append_str(out, "\n"));
    return rows;
}
