/* A request that is read names a method of the table and has an object of parameters. */
#include "ipc/ipc.h"

#include "base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct whtnxt_request req;
    struct lp2p_buf out;
    int error = 0;
    lp2p_buf_init(&out, lp2p_mem_default(), WHTNXT_ANSWER_MAX);
    int r = whtnxt_request_decode(lp2p_span(p, n), &req, &error);
    if (r == 0) {
        LP2P_ASSERT(req.id != NULL && json_is_object(req.params));
        LP2P_ASSERT(whtnxt_method_row(req.row->method) == req.row);
        LP2P_ASSERT(whtnxt_answer_result_take(&out, req.id, json_object()) == 0);
    } else {
        LP2P_ASSERT(error < 0);
        LP2P_ASSERT(whtnxt_answer_error(&out, req.id, error) == 0);
    }
    /* What goes out is one line. */
    struct lp2p_span s = lp2p_buf_span(&out);
    LP2P_ASSERT(memchr(s.p, '\n', s.n) == s.p + s.n - 1);
    whtnxt_request_fini(&req);
    lp2p_buf_fini(&out);
    return 0;
}
