/* An answer has a result or an error. */
#include "ipc/ipc.h"

#include "base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct whtnxt_answer a;
    if (whtnxt_answer_decode(lp2p_span(p, n), 1, &a) == 0) {
        LP2P_ASSERT((a.result != NULL) == (a.rpc_error == 0));
        whtnxt_answer_fini(&a);
    }
    return 0;
}
