/*
 * whtnxtd: the loop, the processes and the files around the model (app/model), which knows and
 * decides.
 *
 *   main.c     options, what a process does before it holds a key
 *   app.c      events in, actions out
 *   files.c    settings.json and peers.json
 *   identity.c the key, changed and copied
 *   programs.c where our programs are, and whether they were replaced
 *   server.c   the control socket      child.c  the node's process
 *   store/     the key, and how a file is saved
 */
#ifndef WHTNXT_MAIN_APP_H
#define WHTNXT_MAIN_APP_H

#include "identity/key.h"
#include "ipc/paths.h"
#include "main/child.h"
#include "main/logfile.h"
#include "main/programs.h"
#include "main/server.h"
#include "main/store/key.h"
#include "model/model.h"

/* A node that does not go after the goodbyes is killed (DESIGN 2: main is gone within 2 s). */
#define WHTNXT_APP_KILL_MS 1800U

struct whtnxt_app_cfg {
    const struct whtnxt_paths *paths;
    char **argv; /* to be started anew with */
    bool foreground;
};

struct whtnxt_app {
    const struct whtnxt_app_cfg *cfg;
    uv_loop_t loop;
    uv_timer_t timer; /* the model's deadline */
    uv_timer_t last;  /* while ending: patience with the node */
    uv_signal_t sigint;
    uv_signal_t sigterm;
    uv_signal_t sighup;
    struct lp2p_crypto *crypto;
    struct lp2p_random random;
    struct lp2p_identity identity;
    struct whtnxt_model *model;
    struct whtnxt_server *server;
    struct whtnxt_child *child; /* NULL: no node runs */
    struct whtnxt_logfile log;
    struct whtnxt_programs programs;
    char key_path[WHTNXT_PATH_SIZE + 16];
    char peers_path[WHTNXT_PATH_SIZE + 16];
    bool ending;
    bool again; /* become the installed program when all is ended */
};

/* Runs until it is told to end; the exit status. The caller holds the profile's lock. */
int whtnxt_app_run(const struct whtnxt_app_cfg *cfg);

/* ---- identity.c ---- */

/* The key of the profile, made on a first start; the reason when it cannot be used. */
int whtnxt_app_load_key(struct whtnxt_app *a, char reason[LP2P_SIZE(WHTNXT_KEY_REASON_SIZE)]);
/* What the model needs to have it changed and copied. */
struct whtnxt_model_key whtnxt_app_key(struct whtnxt_app *a);

/* ---- files.c ---- */

/* Loads settings and peers into the model; what cannot be used is said in the log and left alone.
 */
void whtnxt_files_load(struct whtnxt_app *a, uint64_t now);
void whtnxt_files_save_peers(struct whtnxt_app *a, uint64_t now);
void whtnxt_files_save_settings(struct whtnxt_app *a, uint64_t now);

#endif
