/*
 * Renderer and main: line-delimited JSON-RPC 2.0 (docs/ipc.md). Requests are answered in order; an
 * answer always comes, there are no messages that nobody asked for. No batches, no notifications
 * (a request without an id is refused).
 *
 * No socket is touched here. A blocking client connects to whtnxt_paths.socket (ipc/paths.h),
 * writes what whtnxt_request_encode made, reads into struct whtnxt_lines until a line is there and
 * hands it to whtnxt_answer_decode.
 */
#ifndef WHTNXT_IPC_IPC_H
#define WHTNXT_IPC_IPC_H

#include "ipc/cause.h"
#include "ipc/json.h"
#include "ipc/table.h"

/* Longest request and answer line without newline. A request is a link of 2 KiB and some words; the
 * status of a node at its limits is 2 MiB, main adds its own lists to it. */
#define WHTNXT_REQUEST_MAX (64U * 1024U)
#define WHTNXT_ANSWER_MAX  (4U * 1024U * 1024U)

/* Error numbers of JSON-RPC 2.0, and ours for a refusal with a cause in data.code. */
enum whtnxt_rpc_error {
    WHTNXT_RPC_PARSE = -32700,
    WHTNXT_RPC_REQUEST = -32600,
    WHTNXT_RPC_METHOD = -32601,
    WHTNXT_RPC_PARAMS = -32602,
    WHTNXT_RPC_INTERNAL = -32603,
    WHTNXT_RPC_REFUSED = -32000,
};

/* ---- the client's side ---- */

/* Appends a request line. `params` may be NULL and stays the caller's. -LP2P_E_LIMIT,
 * -LP2P_E_NOMEM.
 */
int whtnxt_request_encode(struct lp2p_buf *out, uint64_t id, enum whtnxt_method method,
                          const json_t *params);

struct whtnxt_answer {
    json_t *result;                       /* owned; NULL when refused */
    int rpc_error;                        /* 0, or one of enum whtnxt_rpc_error */
    enum whtnxt_cause cause;              /* of a refusal that has a code we know, else NONE */
    char code[64];                        /* data.code, "" when there is none */
    char message[WHTNXT_CAUSE_TEXT_SIZE]; /* text of the refusal, cleaned */
};

/* Reads an answer to request `id`. -LP2P_E_DECODE: not an answer; -LP2P_E_PROTO: to something else.
 */
int whtnxt_answer_decode(struct lp2p_span line, uint64_t id, struct whtnxt_answer *ret);
void whtnxt_answer_fini(struct whtnxt_answer *a);

/* ---- main's side ---- */

struct whtnxt_request {
    json_t *root;     /* owns everything below */
    const json_t *id; /* number or string; NULL: could not be read, the answer says null */
    const struct whtnxt_method_row *row;
    const json_t *params; /* an object; empty when the request had none */
};

/*
 * Reads a request. On failure *ret_error is the JSON-RPC error to answer, and ret->id is set when
 * it could be read. Always call fini. -LP2P_E_DECODE, -LP2P_E_NOMEM.
 */
int whtnxt_request_decode(struct lp2p_span line, struct whtnxt_request *ret, int *ret_error);
void whtnxt_request_fini(struct whtnxt_request *r);

/* Append an answer line. `result` is taken over, also on failure. `id` may be NULL.
 * -LP2P_E_LIMIT, -LP2P_E_NOMEM. */
int whtnxt_answer_result_take(struct lp2p_buf *out, const json_t *id, json_t *result);
int whtnxt_answer_error(struct lp2p_buf *out, const json_t *id, int rpc_error);
/* A refusal: `text` NULL means the cause's sentence without arguments. */
int whtnxt_answer_refuse(struct lp2p_buf *out, const json_t *id, enum whtnxt_cause cause,
                         const char *text);

#endif
