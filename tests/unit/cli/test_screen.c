/* A text redrawn in its place, on a terminal of the test's own that does what was written to it. */
#include "cmocka_all.h"

#include "base/mem.h"
#include "cli/screen.h"

#include <stdio.h>
#include <stdlib.h>

#define COLUMNS 40U
#define ROWS    10U

struct terminal {
    unsigned columns;
    unsigned row;
    unsigned column;
    char cells[ROWS][COLUMNS + 1];
};

static void term_init(struct terminal *t, unsigned columns)
{
    *t = (struct terminal){.columns = columns};
    for (unsigned r = 0; r < ROWS; r++) {
        memset(t->cells[r], ' ', COLUMNS);
    }
}

static void clear_from(struct terminal *t, unsigned row, unsigned column)
{
    memset(t->cells[row] + column, ' ', COLUMNS - column);
}

static const char *term_escape(struct terminal *t, const char *p)
{
    char *end;
    unsigned long n = strtoul(p + 2, &end, 10);
    if (*end == 'A') {
        assert_true(n <= t->row);
        t->row -= (unsigned)n;
    } else if (*end == 'K') {
        clear_from(t, t->row, t->column);
    } else if (*end == 'J') {
        clear_from(t, t->row, t->column);
        for (unsigned r = t->row + 1; r < ROWS; r++) {
            clear_from(t, r, 0);
        }
    } else {
        assert_int_equal(*end, 'm');
    }
    return end + 1;
}

/* ASCII only; a line that is too long or one too many is a mistake. */
static void term_write(struct terminal *t, const char *p, size_t n)
{
    const char *end = p + n;
    while (p < end) {
        if (*p == '\033') {
            p = term_escape(t, p);
            continue;
        }
        if (*p == '\n') {
            t->row++;
            t->column = 0;
            assert_true(t->row < ROWS);
        } else if (*p == '\r') {
            t->column = 0;
        } else {
            assert_true(t->column < t->columns - 1);
            t->cells[t->row][t->column++] = *p;
        }
        p++;
    }
}

static void draw(struct terminal *t, struct cli_screen *s, const char *text)
{
    struct lp2p_buf out;
    lp2p_buf_init(&out, lp2p_mem_default(), 65536);
    assert_int_equal(cli_screen_draw(s, lp2p_span_str(text), t->columns, ROWS, &out), 0);
    term_write(t, (const char *)out.p, out.len);
    lp2p_buf_fini(&out);
}

static void expect_row(const struct terminal *t, unsigned row, const char *text)
{
    size_t n = strlen(text);
    char have[COLUMNS + 1];
    memcpy(have, t->cells[row], sizeof(have));
    size_t len = COLUMNS;
    while (len > 0 && have[len - 1] == ' ') {
        len--;
    }
    have[len] = '\0';
    assert_int_equal(len, n);
    assert_string_equal(have, text);
}

static void each_frame_is_over_the_last(void **state)
{
    (void)state;
    struct terminal t;
    struct cli_screen s = {.lines = 0};
    term_init(&t, COLUMNS);
    term_write(&t, "$ watch\n", 8);
    draw(&t, &s, "one\ntwo two two\nthree\n");
    expect_row(&t, 0, "$ watch");
    expect_row(&t, 2, "two two two");
    draw(&t, &s, "ONE\n\033[1mtwo\033[0m");
    expect_row(&t, 0, "$ watch");
    expect_row(&t, 1, "ONE");
    expect_row(&t, 2, "two");
    expect_row(&t, 3, "");
    draw(&t, &s, "");
    expect_row(&t, 0, "$ watch");
    expect_row(&t, 1, "");
}

static void long_lines_and_many_are_cut(void **state)
{
    (void)state;
    struct terminal t;
    struct cli_screen s = {.lines = 0};
    term_init(&t, 10);
    draw(&t, &s, "\033[2m0123456789abc\033[0m\nb\n");
    expect_row(&t, 0, "012345678");
    draw(&t, &s, "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n");
    expect_row(&t, 0, "1");
    expect_row(&t, 8, "...");
    expect_row(&t, 9, "");
    draw(&t, &s, "1\n2\n3\n4\n5\n6\n7\n8\n9\n");
    expect_row(&t, 8, "9");
}

/* A narrower terminal has broken the lines: the frame begins further up. */
static void a_new_width(void **state)
{
    (void)state;
    struct cli_screen s = {.lines = 0};
    struct lp2p_buf out;
    struct terminal t;
    term_init(&t, COLUMNS);
    draw(&t, &s, "0123456789012345678901234\nshort\n\n");
    lp2p_buf_init(&out, lp2p_mem_default(), 65536);
    /* 25 columns are three rows of ten, then one, then one that is empty. */
    assert_int_equal(cli_screen_draw(&s, lp2p_span_str("x\n"), 10, 24, &out), 0);
    assert_memory_equal(out.p, "\033[5A\r", 5);
    lp2p_buf_fini(&out);
}

static void widths(void **state)
{
    (void)state;
    assert_int_equal(cli_screen_columns(lp2p_span_str("")), 0);
    assert_int_equal(cli_screen_columns(lp2p_span_str("abc")), 3);
    assert_int_equal(cli_screen_columns(lp2p_span_str("\033[1mabc\033[0m")), 3);
    assert_int_equal(cli_screen_columns(lp2p_span_str("a\u2026b")), 3);
    assert_int_equal(cli_screen_columns(lp2p_span_str("\u5b89")), 2);
    /* What is no text, or an escape without an end. */
    assert_int_equal(cli_screen_columns(lp2p_span_str("\xff\xfe")), 2);
    assert_int_equal(cli_screen_columns(lp2p_span_str("a\033[1")), 1);
    /* A character that would stick out is left out whole. */
    struct cli_screen s = {.lines = 0};
    struct lp2p_buf out;
    lp2p_buf_init(&out, lp2p_mem_default(), 65536);
    assert_int_equal(cli_screen_draw(&s, lp2p_span_str("a\u5b89\u5b89"), 5, 24, &out), 0);
    assert_int_equal(s.columns[0], 3);
    lp2p_buf_fini(&out);
}

static void expect_fit(const char *text, struct cli_room room, const char *want)
{
    struct lp2p_buf out;
    lp2p_buf_init(&out, lp2p_mem_default(), 65536);
    assert_int_equal(cli_screen_fit(lp2p_span_str(text), &room, &out), 0);
    assert_int_equal(lp2p_buf_append(&out, "", 1), 0);
    assert_string_equal((const char *)out.p, want);
    lp2p_buf_fini(&out);
}

static void a_small_terminal_keeps_the_first_lines(void **state)
{
    (void)state;
    struct cli_room room = {.columns = 10, .rows = 4, .keep = 2};
    expect_fit("Link\n12345678901\n", room, "Link\n12345678901\n");
    expect_fit("Link\n12345678901\na\n", room, "Link\n12345678901\na\n");
    expect_fit("Link\n12345678901\na\nb\n", room, "Link\n12345678901\n...\n");
    room.rows = 1;
    expect_fit("Link\n12345678901\na\nb\n", room, "Link\n12345678901\n");
    room = (struct cli_room){.columns = 0, .rows = 0, .keep = 0};
    expect_fit("a\n", room, "");
}

static void words_are_not_broken(void **state)
{
    (void)state;
    struct lp2p_buf out;
    lp2p_buf_init(&out, lp2p_mem_default(), 65536);
    assert_int_equal(cli_screen_wrap("one two three a-very-long-word x", 9, &out), 4);
    assert_int_equal(lp2p_buf_append(&out, "", 1), 0);
    assert_string_equal((const char *)out.p, "one two\nthree\na-very-long-word\nx\n");
    lp2p_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_frame_is_over_the_last),
        cmocka_unit_test(long_lines_and_many_are_cut),
        cmocka_unit_test(a_new_width),
        cmocka_unit_test(widths),
        cmocka_unit_test(a_small_terminal_keeps_the_first_lines),
        cmocka_unit_test(words_are_not_broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
