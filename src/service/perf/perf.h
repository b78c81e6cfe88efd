/*
 * The perf service (specs perf/perf.md): measures streams to peers, and serves those who measure
 * us, but only when it is told to: whoever is served may have as many bytes as it likes.
 *
 * One payload block for all streams, none of it copied: a stream holds its session and no bytes.
 */
#ifndef LP2P_SERVICE_PERF_H
#define LP2P_SERVICE_PERF_H

#include "swarm/swarm.h"

/* Streams that are served at once; more are reset. Four times what a peer may open on a connection
 * with the shipped limits. */
#define LP2P_PERF_SERVED_MAX 1024U

struct lp2p_perf_service;

/* The swarm outlives the service. -LP2P_E_NOMEM. */
int lp2p_perf_service_new(struct lp2p_swarm *sw, struct lp2p_perf_service **ret);

/* Ends what runs; `done` callbacks do not come any more. The swarm may not run its loop between
 * this and its own end. Takes NULL. */
void lp2p_perf_service_free(struct lp2p_perf_service *svc);

/* Begins to serve. -LP2P_E_NOMEM, -LP2P_E_EXISTS. */
int lp2p_perf_service_serve(struct lp2p_perf_service *svc);

/* Measures one stream to a connected peer (struct lp2p_perf, lp2p/host.h; copied): `done` comes
 * once. Fails as lp2p_swarm_open. */
int lp2p_perf_service_run(struct lp2p_perf_service *svc, const struct lp2p_peer_id *peer,
                          const struct lp2p_perf *perf);

#endif
