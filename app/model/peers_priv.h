/* Remembered peers: which there are, and when those that are wanted are tried again. */
#ifndef WHTNXT_MODEL_PEERS_PRIV_H
#define WHTNXT_MODEL_PEERS_PRIV_H

#include "model/model.h"

struct model_attempt;
struct model_peer;

struct model_peer *model_peer_find(const struct whtnxt_model *m, const char *id);
/* Finds or adds; NULL: full of peers that are wanted or blocked, or no memory. */
struct model_peer *model_peer_get(struct whtnxt_model *m, const char *id);
void model_peer_remove(struct whtnxt_model *m, struct model_peer *p);
void model_peers_save(struct whtnxt_model *m);
void model_peer_refuse(struct whtnxt_model *m, const char *id, bool on);
void model_peers_refused(struct whtnxt_model *m); /* tells a new node */
void model_peer_connected(struct whtnxt_model *m, uint64_t now, const char *id);
/* A user cancelled this attempt: a remembered peer is not wanted any more, and one that the user
 * had asked for himself is left alone for a while. */
void model_peer_cancelled(struct whtnxt_model *m, uint64_t now, const struct model_attempt *a);
/* Dials wanted peers that are not connected and due, those first that are due longest. */
void model_peers_reconnect(struct whtnxt_model *m, uint64_t now);
/* When the next of them is due. */
uint64_t model_peers_deadline(const struct whtnxt_model *m);
/* Remembered peers that are being dialled leave room for what the user asks. */
bool model_may_reconnect(const struct whtnxt_model *m);
/* Dials a wanted peer at once. */
void model_peer_seen(struct whtnxt_model *m, uint64_t now, const char *id);
void model_network_changed(struct whtnxt_model *m, uint64_t now);

/* ---- ping.c ---- */
struct model_ping_wish {
    const char *peer;
    uint64_t count;
    uint64_t interval_ms;
};
/* The series' id; 0: too many run. */
uint64_t model_ping_begin(struct whtnxt_model *m, uint64_t now, const struct model_ping_wish *wish);
/* False when there is no such series. One that has ended stays as it ended. */
bool model_ping_stop(struct whtnxt_model *m, uint64_t now, uint64_t id);
/* NULL: no memory, or not `*ret_known`. */
json_t *model_ping_json(struct whtnxt_model *m, uint64_t now, uint64_t id, uint64_t after,
                        bool *ret_known);
void model_pings_state(struct whtnxt_model *m, uint64_t now);
void model_pings_node_gone(struct whtnxt_model *m);
void model_pings_tick(struct whtnxt_model *m, uint64_t now);
uint64_t model_pings_deadline(const struct whtnxt_model *m);

#endif
