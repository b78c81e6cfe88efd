#include "main/app.h"

#include "main/disk.h"
#include "main/store/key.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static uint64_t now_ms(void)
{
    return uv_hrtime() / 1000000U;
}

static uint64_t wall_ms(void)
{
    uv_timeval64_t tv;
    if (uv_gettimeofday(&tv) != 0) {
        return 0;
    }
    return (uint64_t)tv.tv_sec * 1000 + (uint64_t)tv.tv_usec / 1000;
}

static void app_act(struct whtnxt_app *a);

/* ---- the node ---- */

static void node_line(void *ctx, struct lp2p_span line)
{
    struct whtnxt_app *a = ctx;
    struct whtnxt_node_msg msg;
    int err = whtnxt_node_msg_decode(line, WHTNXT_TO_MAIN, whtnxt_model_talk(a->model),
                                     lp2p_mem_default(), &msg);
    if (err == 0) {
        whtnxt_model_message(a->model, now_ms(), &msg);
        whtnxt_node_msg_fini(&msg);
    } else {
        whtnxt_model_bad_message(a->model, now_ms(), err);
    }
    app_act(a);
}

static void app_stop(struct whtnxt_app *a)
{
    uv_stop(&a->loop);
}

static void node_gone(struct whtnxt_app *a, int sig)
{
    a->child = NULL;
    whtnxt_model_exited(a->model, now_ms(), sig, NULL);
    if (a->ending) {
        app_stop(a);
        return;
    }
    app_act(a);
}

static void node_exit(void *ctx, int64_t status, int sig)
{
    (void)status;
    node_gone(ctx, sig);
}

static void app_spawn(struct whtnxt_app *a)
{
    static const struct whtnxt_child_ops ops = {.on_line = node_line, .on_exit = node_exit};
    int err = a->child != NULL ? -LP2P_E_STATE
                               : whtnxt_child_start(&a->loop, a->programs.node, &ops, a, &a->child);
    if (err != 0) {
        whtnxt_model_exited(a->model, now_ms(), 0, lp2p_error_text(err));
        return;
    }
    whtnxt_model_spawned(a->model, now_ms(), whtnxt_child_pid(a->child));
}

static void app_send(struct whtnxt_app *a, struct whtnxt_node_msg *msg)
{
    if (a->child == NULL) {
        return;
    }
    if (msg->type == WHTNXT_MSG_START) {
        memcpy(msg->start.seed, a->identity.seed, sizeof(msg->start.seed));
    }
    int err = whtnxt_child_send(a->child, msg);
    if (err == -LP2P_E_LIMIT) {
        /* It has not read a megabyte of commands: nobody is there. */
        whtnxt_child_signal(a->child, SIGKILL);
    }
}

/* ---- the end ---- */

static void app_last(uv_timer_t *timer)
{
    struct whtnxt_app *a = timer->data;
    if (a->child != NULL) {
        whtnxt_child_signal(a->child, SIGKILL);
    } else {
        app_stop(a);
    }
}

static void app_quit(struct whtnxt_app *a)
{
    if (a->ending) {
        return;
    }
    a->ending = true;
    whtnxt_server_close(a->server);
    a->server = NULL;
    if (a->child == NULL) {
        app_stop(a);
        return;
    }
    whtnxt_child_hang_up(a->child);
    uv_timer_start(&a->last, app_last, WHTNXT_APP_KILL_MS, 0);
}

/* The answer to app:quit is on its way: the sockets close at the top of the loop. */
static void app_quit_soon(uv_timer_t *timer)
{
    app_quit(timer->data);
}

/* ---- the key ---- */

static void app_start(struct whtnxt_app *a)
{
    char reason[WHTNXT_KEY_REASON_SIZE] = "";
    bool loaded = whtnxt_app_load_key(a, reason) == 0;
    whtnxt_model_start(a->model, now_ms(), loaded ? &a->identity.id : NULL, reason);
}

/* ---- actions ---- */

static void app_log(struct whtnxt_app *a, const struct whtnxt_action *act)
{
    static const int priorities[] = {
        [WHTNXT_LOG_ERROR] = 3, [WHTNXT_LOG_WARNING] = 4, [WHTNXT_LOG_INFO] = 6};
    whtnxt_logfile_write(&a->log, wall_ms(), priorities[act->level], whtnxt_log_word(act->level),
                         act->text);
}

static void app_do(struct whtnxt_app *a, struct whtnxt_action *act)
{
    switch (act->type) {
    case WHTNXT_DO_SPAWN:
        app_spawn(a);
        break;
    case WHTNXT_DO_SIGNAL:
        if (a->child != NULL) {
            whtnxt_child_signal(a->child, act->signal);
        }
        break;
    case WHTNXT_DO_SEND:
        app_send(a, &act->msg);
        break;
    case WHTNXT_DO_SAVE_PEERS:
        whtnxt_files_save_peers(a, now_ms());
        break;
    case WHTNXT_DO_SAVE_SETTINGS:
        whtnxt_files_save_settings(a, now_ms());
        break;
    case WHTNXT_DO_LOG:
        app_log(a, act);
        break;
    case WHTNXT_DO_RESTART:
        a->again = true;
        uv_timer_start(&a->last, app_quit_soon, 0, 0);
        break;
    case WHTNXT_DO_LOAD_KEY:
        app_start(a);
        break;
    case WHTNXT_DO_QUIT:
        uv_timer_start(&a->last, app_quit_soon, 0, 0);
        break;
    }
}

static void app_tick(uv_timer_t *timer)
{
    struct whtnxt_app *a = timer->data;
    uint64_t now = now_ms();
    whtnxt_model_wall(a->model, now, wall_ms());
    whtnxt_model_tick(a->model, now);
    app_act(a);
}

/* Carries out what the model wants, then waits for its deadline. */
static void app_act(struct whtnxt_app *a)
{
    struct whtnxt_action act;
    while (whtnxt_model_action(a->model, &act)) {
        app_do(a, &act);
        whtnxt_action_fini(&act);
    }
    uint64_t at = whtnxt_model_deadline(a->model);
    uint64_t now = now_ms();
    if (at == UINT64_MAX) {
        uv_timer_stop(&a->timer);
    } else {
        uv_update_time(&a->loop);
        uv_timer_start(&a->timer, app_tick, at > now ? at - now : 0, 0);
    }
}

static int app_request(void *ctx, struct lp2p_span line, struct lp2p_buf *out)
{
    struct whtnxt_app *a = ctx;
    int sig;
    /* No answer may show a node that was dead when the question was sent. */
    if (a->child != NULL && whtnxt_child_take_exit(a->child, &sig)) {
        node_gone(a, sig);
    }
    uint64_t now = now_ms();
    whtnxt_model_wall(a->model, now, wall_ms());
    whtnxt_model_upgraded(a->model, whtnxt_programs_changed(&a->programs, now));
    int err = whtnxt_model_request(a->model, now, line, out);
    app_act(a);
    return err;
}

static void app_signal(uv_signal_t *handle, int signum)
{
    (void)signum;
    struct whtnxt_app *a = handle->data;
    /* Who says end does not mean start anew. */
    a->again = false;
    whtnxt_model_quit(a->model, now_ms());
    app_act(a);
}

/* ---- beginning ---- */

static int app_open_model(struct whtnxt_app *a)
{
    uint64_t now = now_ms();
    struct whtnxt_model_cfg cfg = {
        .mem = lp2p_mem_default(),
        .random = &a->random,
        .version = LP2P_VERSION,
        .key = whtnxt_app_key(a),
        .now = now,
        .wall = wall_ms(),
    };
    int err = whtnxt_model_new(&cfg, &a->model);
    if (err != 0) {
        return err;
    }
    /* What was put aside proves as well as what is there that there was a key. */
    whtnxt_files_load(a, now);
    app_start(a);
    return 0;
}

static void app_socket_gone(void *ctx, int err)
{
    struct whtnxt_app *a = ctx;
    char text[WHTNXT_CAUSE_TEXT_SIZE];
    snprintf(text, sizeof(text), "The control socket was removed; %s%s",
             err == 0 ? "it is there again" : "it cannot be made anew: ",
             err == 0 ? "" : whtnxt_disk_why(err));
    whtnxt_model_log(a->model, now_ms(), WHTNXT_LOG_WARNING, WHTNXT_CAUSE_NONE, text);
    app_act(a);
}

static int app_open_server(struct whtnxt_app *a)
{
    const struct whtnxt_disk *disk = whtnxt_disk_real();
    struct whtnxt_server_cfg cfg = {
        .folder = a->cfg->paths->run,
        .path = a->cfg->paths->socket,
        .fn = app_request,
        .on_gone = app_socket_gone,
        .ctx = a,
    };
    errno = 0;
    int err = disk->make_folder(disk->ctx, cfg.folder);
    if (err == 0) {
        err = whtnxt_server_open(&a->loop, &cfg, &a->server);
    }
    if (err != 0) {
        fprintf(stderr, "whtnxtd: the control socket %s cannot be made: %s\n", cfg.path,
                err == -LP2P_E_EXISTS ? "something else is there" : whtnxt_disk_why(err));
    }
    return err;
}

static void app_watch_signal(struct whtnxt_app *a, uv_signal_t *handle, int signum)
{
    uv_signal_init(&a->loop, handle);
    handle->data = a;
    uv_signal_start(handle, app_signal, signum);
}

static int app_open(struct whtnxt_app *a)
{
    if (uv_loop_init(&a->loop) != 0 || lp2p_crypto_init() != 0) {
        return -LP2P_E_NOMEM;
    }
    uv_timer_init(&a->loop, &a->timer);
    uv_timer_init(&a->loop, &a->last);
    a->timer.data = a;
    a->last.data = a;
    a->random = lp2p_crypto_random();
    app_watch_signal(a, &a->sigint, SIGINT);
    app_watch_signal(a, &a->sigterm, SIGTERM);
    app_watch_signal(a, &a->sighup, SIGHUP);
    whtnxt_programs_init(&a->programs);
    whtnxt_logfile_open(&a->log, a->cfg->paths->state, a->cfg->foreground);
    int err = lp2p_crypto_new(lp2p_mem_default(), &a->crypto);
    if (err == 0) {
        err = app_open_model(a);
    }
    return err == 0 ? app_open_server(a) : err;
}

static void close_handle(uv_handle_t *handle, void *ctx)
{
    (void)ctx;
    if (!uv_is_closing(handle)) {
        uv_close(handle, NULL);
    }
}

static void app_close(struct whtnxt_app *a)
{
    whtnxt_server_close(a->server);
    uv_close((uv_handle_t *)&a->timer, NULL);
    uv_close((uv_handle_t *)&a->last, NULL);
    uv_close((uv_handle_t *)&a->sigint, NULL);
    uv_close((uv_handle_t *)&a->sigterm, NULL);
    uv_close((uv_handle_t *)&a->sighup, NULL);
    uv_run(&a->loop, UV_RUN_DEFAULT);
    uv_walk(&a->loop, close_handle, NULL);
    uv_loop_close(&a->loop);
    whtnxt_model_free(a->model);
    lp2p_identity_wipe(&a->identity);
    lp2p_crypto_free(a->crypto);
    whtnxt_logfile_close(&a->log);
}

int whtnxt_app_run(const struct whtnxt_app_cfg *cfg)
{
    static struct whtnxt_app app;
    app.cfg = cfg;
    int err = app_open(&app);
    if (err != 0) {
        if (app.model == NULL) {
            fprintf(stderr, "whtnxtd: %s\n", lp2p_error_text(err));
        }
        return 1;
    }
    app_act(&app);
    uv_run(&app.loop, UV_RUN_DEFAULT);
    app_close(&app);
    return app.again ? whtnxt_programs_become(&app.programs, cfg->argv) : 0;
}
