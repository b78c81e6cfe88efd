/*
 * delay-link: a long cable between two network devices. Makes two TAP devices in the network
 * namespace it runs in, names them as told, and carries every frame from one to the other a fixed
 * time later, in order. Nothing is lost unless a queue is full. Whoever starts it moves the devices
 * into the namespaces of the two machines (interop/lib/link.py); they are gone when it ends.
 *
 * Frames pass with their virtio header and TCP super-frames of 64 KiB are not cut, so that one
 * processor carries several Gbit/s. A frame is read straight into the ring of its direction and
 * written from there. The wait ends by a timer of nanoseconds without slack; a frame is late by
 * some 0.2 ms.
 *
 * Standard output: "ready" when the devices are there; at the end one line of JSON, what was
 * carried. It ends on SIGTERM, SIGINT, at the end of its standard input, with its parent, and when
 * a device is gone.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* Super-frame of TCP, Ethernet with a VLAN tag, virtio header. */
#define FRAME_MAX (65536U + 18U + 12U)
/* What is on its way in one direction: 1 s at 1 Gbit/s, 40 ms at 25. Touched as it is needed. */
#define RING (128U << 20)
/* Frames of one direction before the other has its turn. */
#define BATCH 64U
#define NEVER UINT64_MAX
#define MSEC  1000000U
#define SEC   1000000000U

struct record {
    uint64_t due; /* ns, CLOCK_MONOTONIC */
    uint32_t len; /* of the frame behind it */
    uint32_t pad;
};

/* A record never begins where less than this is left of the ring, so it is in one piece. */
#define SLOT ((sizeof(struct record) + FRAME_MAX + 7U) & ~7U)

/* One direction. Oldest record at `head`, the next goes to `tail`. */
struct line {
    int from;
    int to;
    uint8_t *ring;
    size_t head;
    size_t tail;
    size_t held;      /* records */
    uint64_t free_at; /* ns, when the frames so far have passed at the rate */
    uint64_t frames;
    uint64_t bytes;
    uint64_t dropped;
};

struct options {
    uint64_t delay; /* ns */
    uint64_t rate;  /* bytes a second, 0: as fast as it goes */
    uint64_t queue; /* bytes that may wait for their turn at the rate */
};

static volatile sig_atomic_t ended;

static void die(const char *what)
{
    fprintf(stderr, "delay-link: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * SEC + (uint64_t)t.tv_nsec;
}

/* ---- the ring ---- */

static size_t after(size_t at, size_t len)
{
    at += (sizeof(struct record) + len + 7U) & ~(size_t)7U;
    return RING - at < SLOT ? 0 : at;
}

static bool has_room(const struct line *l)
{
    if (l->held == 0) {
        return true;
    }
    return l->tail > l->head || l->head - l->tail >= SLOT;
}

static struct record *oldest(const struct line *l)
{
    return (struct record *)(void *)(l->ring + l->head);
}

static void drop_oldest(struct line *l)
{
    l->head = after(l->head, oldest(l)->len);
    if (--l->held == 0) {
        /* The pages in the cache again. */
        l->head = l->tail = 0;
    }
}

/* ---- in and out ---- */

/* When a frame that is here now may arrive there; NEVER: the queue before the rate is full. */
static uint64_t arrival(struct line *l, const struct options *o, uint64_t now, size_t len)
{
    if (o->rate != 0) {
        uint64_t begin = l->free_at > now ? l->free_at : now;
        if ((begin - now) * o->rate / SEC > o->queue) {
            return NEVER;
        }
        now = l->free_at = begin + len * SEC / o->rate;
    }
    return now + o->delay;
}

/* The frame goes behind the others; false: there was none. */
static bool take_one(struct line *l, const struct options *o)
{
    struct record *r = (struct record *)(void *)(l->ring + l->tail);
    ssize_t n = read(l->from, r + 1, FRAME_MAX);
    if (n <= 0) {
        return false;
    }
    r->due = arrival(l, o, now_ns(), (size_t)n);
    if (r->due == NEVER) {
        l->dropped++;
        return true;
    }
    r->len = (uint32_t)n;
    l->tail = after(l->tail, (size_t)n);
    l->held++;
    return true;
}

/* The ring is full. Left in the device, the frame would arrive late and not be counted. */
static bool lose_one(struct line *l)
{
    uint8_t head[64];
    bool taken = read(l->from, head, sizeof(head)) > 0;
    l->dropped += taken;
    return taken;
}

static void take(struct line *l, const struct options *o)
{
    for (unsigned i = 0; i < BATCH; i++) {
        if (!(has_room(l) ? take_one(l, o) : lose_one(l))) {
            return;
        }
    }
}

/* A device that is down or in want of memory refuses a frame: lost, as on a cable. */
static void deliver(struct line *l, uint64_t now)
{
    for (unsigned i = 0; i < BATCH && l->held > 0 && oldest(l)->due <= now; i++) {
        struct record *r = oldest(l);
        if (write(l->to, r + 1, r->len) == (ssize_t)r->len) {
            l->frames++;
            l->bytes += r->len;
        } else {
            l->dropped++;
        }
        drop_oldest(l);
    }
}

static uint64_t next_due(const struct line *lines)
{
    uint64_t a = lines[0].held > 0 ? oldest(&lines[0])->due : NEVER;
    uint64_t b = lines[1].held > 0 ? oldest(&lines[1])->due : NEVER;
    return a < b ? a : b;
}

/* False at the end of standard input, or when a device is gone with its namespace. */
static bool wait_for(const struct line *lines, const sigset_t *mask)
{
    struct pollfd fds[] = {
        {.fd = lines[0].from, .events = POLLIN},
        {.fd = lines[1].from, .events = POLLIN},
        {.fd = STDIN_FILENO, .events = POLLIN},
    };
    uint64_t due = next_due(lines), now = now_ns();
    uint64_t left = due > now ? due - now : 0;
    struct timespec t = {.tv_sec = (time_t)(left / SEC), .tv_nsec = (long)(left % SEC)};
    char said[64];
    if (ppoll(fds, 3, due == NEVER ? NULL : &t, mask) < 0 && errno != EINTR) {
        die("ppoll");
    }
    if (((fds[0].revents | fds[1].revents) & POLLERR) != 0) {
        return false;
    }
    return fds[2].revents == 0 || read(STDIN_FILENO, said, sizeof(said)) > 0;
}

static void carry(struct line *lines, const struct options *o, const sigset_t *mask)
{
    while (!ended && wait_for(lines, mask)) {
        for (unsigned i = 0; i < 2; i++) {
            deliver(&lines[i], now_ns());
            take(&lines[i], o);
        }
    }
}

/* ---- set up ---- */

static int open_tap(const char *name)
{
    struct ifreq r = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
    if (strlen(name) >= sizeof(r.ifr_name)) {
        fprintf(stderr, "delay-link: name of a device too long: %s\n", name);
        exit(2);
    }
    memcpy(r.ifr_name, name, strlen(name));
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        die("/dev/net/tun");
    }
    if (ioctl(fd, TUNSETIFF, &r) != 0) {
        die(name);
    }
    /* What this end takes, and so what the kernel need not do before it hands a frame over. */
    unsigned long offload = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
    if (ioctl(fd, TUNSETOFFLOAD, offload) != 0) {
        die("offload");
    }
    return fd;
}

static void make_lines(struct line lines[static 2], const char *a, const char *b)
{
    int fds[2] = {open_tap(a), open_tap(b)};
    for (unsigned i = 0; i < 2; i++) {
        lines[i] = (struct line){.from = fds[i], .to = fds[1 - i]};
        lines[i].ring = mmap(NULL, RING, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (lines[i].ring == MAP_FAILED) {
            die("memory");
        }
    }
}

static void on_end(int sig)
{
    (void)sig;
    ended = 1;
}

/* Signals come only while we wait; `ret` is the mask for that. */
static void catch_end(sigset_t *ret)
{
    struct sigaction act = {.sa_handler = on_end};
    sigset_t block;
    sigemptyset(&block);
    sigaddset(&block, SIGTERM);
    sigaddset(&block, SIGINT);
    sigprocmask(SIG_BLOCK, &block, ret);
    sigdelset(ret, SIGTERM);
    sigdelset(ret, SIGINT);
    sigaction(SIGTERM, &act, NULL);
    sigaction(SIGINT, &act, NULL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
}

/* A cable does not wait for the machines at its ends. */
static void be_prompt(void)
{
    prctl(PR_SET_TIMERSLACK, 1UL);
    /* Without the right to it, it only gets less exact on a busy machine. */
    (void)setpriority(PRIO_PROCESS, 0, -10);
}

static void report(const struct line *lines)
{
    printf("{");
    for (unsigned i = 0; i < 2; i++) {
        const struct line *l = &lines[i];
        printf("%s\"%s\": {\"frames\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"dropped\": %" PRIu64
               "}",
               i == 0 ? "" : ", ", i == 0 ? "a_to_b" : "b_to_a", l->frames, l->bytes, l->dropped);
    }
    puts("}");
}

/* ---- options ---- */

static const char usage[] =
    "usage: delay-link [options] DELAY A B\n"
    "Join two new TAP devices, A and B, by a link that takes DELAY ms (0 to 10000, with fraction)\n"
    "each way. Needs root; see interop/lib/link.py for the rest of the set-up.\n"
    "  --rate MBIT   let this much through, each way; default: as much as the machine can\n"
    "  --queue KIB   with --rate: what may wait for its turn, more is dropped; default: one\n"
    "                round trip's worth, at least 128\n"
    "  --help        this text\n"
    "Ends on SIGTERM, SIGINT, at the end of standard input, and with its parent.\n";

static void misuse(void)
{
    fputs(usage, stderr);
    exit(2);
}

static double number(const char *text, double max)
{
    char *end;
    double v = strtod(text, &end);
    if (end == text || *end != '\0' || !(v >= 0 && v <= max)) {
        fprintf(stderr, "delay-link: not a number from 0 to %.0f: %s\n", max, text);
        exit(2);
    }
    return v;
}

static uint64_t default_queue(const struct options *o)
{
    uint64_t trip = 2 * o->delay * (o->rate / 1000) / (SEC / 1000);
    return trip > 128U << 10 ? trip : 128U << 10;
}

static void parse(struct options *o, int argc, char **argv)
{
    static const struct option table[] = {
        {"rate", required_argument, NULL, 'r'},
        {"queue", required_argument, NULL, 'q'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    for (int c; (c = getopt_long(argc, argv, "", table, NULL)) != -1;) {
        if (c == 'r') {
            o->rate = (uint64_t)(number(optarg, 100000) * 1e6 / 8);
        } else if (c == 'q') {
            o->queue = (uint64_t)(number(optarg, 4 << 20) * 1024);
        } else if (c == 'h') {
            fputs(usage, stdout);
            exit(0);
        } else {
            misuse();
        }
    }
    if (argc - optind != 3 || (o->queue != 0 && o->rate == 0)) {
        misuse();
    }
    o->delay = (uint64_t)(number(argv[optind], 10000) * MSEC);
    if (o->rate != 0 && o->queue == 0) {
        o->queue = default_queue(o);
    }
}

int main(int argc, char **argv)
{
    struct options o = {0};
    struct line lines[2];
    sigset_t mask;
    parse(&o, argc, argv);
    catch_end(&mask);
    be_prompt();
    make_lines(lines, argv[optind + 1], argv[optind + 2]);
    puts("ready");
    fflush(stdout);
    carry(lines, &o, &mask);
    report(lines);
    return 0;
}
