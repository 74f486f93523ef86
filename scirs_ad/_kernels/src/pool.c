/* Threads that claim chunks.
 *
 * An OpenMP region ends when every thread of its team has arrived, also one that the system has not scheduled:
 * on a machine with other work each region then costs a time slice (8 ms measured, for 1 ms of work). Here the
 * caller claims chunks like everybody else and waits only for those that another thread has begun, so a thread
 * that is not running costs nothing. A pool also survives fork: the child starts a new one.
 *
 * One loop runs at a time; a loop begun meanwhile (by another Python thread, or from inside a chunk) runs in its
 * caller alone. */
#include "pool.h"

#if defined(_WIN32) || defined(__STDC_NO_ATOMICS__)

#ifdef _OPENMP
#include <omp.h>
#endif

void ad_pool_run(ad_task task, void *context, int chunks, int threads)
{
#ifdef _OPENMP
    if (threads > 1 && !omp_in_parallel()) {
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
        for (int i = 0; i < chunks; i++)
            task(context, i, omp_get_thread_num());
        return;
    }
#endif
    for (int i = 0; i < chunks; i++)
        task(context, i, 0);
}

const char *ad_pool_kind(void)
{
#ifdef _OPENMP
    return "openmp";
#else
    return "none";
#endif
}

#else

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <time.h>

enum { MOST_WORKERS = 1023, STACK_BYTES = 8 << 20 };
/* How long a worker polls for the next loop before it sleeps; waking it takes 5 to 50 us. */
static const int64_t SPIN_NS = 50000;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER;
static atomic_int sleepers;
static atomic_flag busy = ATOMIC_FLAG_INIT;
static int workers;             /* started so far; guarded by busy */
static int handlers;            /* whether the fork handler is installed; guarded by busy */

/* The loop. A ticket holds its number (upper half) and its next chunk: claiming is one compare-and-swap, which
 * fails if the loop has ended, so a late worker cannot run a task with another loop's context. */
static const uint64_t CLOSED = INT32_MAX;
static _Atomic(uint64_t) ticket = INT32_MAX;
static _Atomic(ad_task) loop_task;
static _Atomic(void *) loop_context;
static atomic_int loop_chunks, loop_threads, loop_done;

static inline void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Claim and run chunks of loop `number` until none is left. */
static void work(uint32_t number, int me)
{
    for (;;) {
        uint64_t t = atomic_load(&ticket);
        const ad_task task = atomic_load(&loop_task);
        void *const context = atomic_load(&loop_context);
        const int chunks = atomic_load(&loop_chunks), threads = atomic_load(&loop_threads);
        if ((uint32_t)(t >> 32) != number || (int)(uint32_t)t >= chunks || me >= threads)
            return;
        if (atomic_compare_exchange_weak(&ticket, &t, t + 1)) {
            task(context, (int)(uint32_t)t, me);
            atomic_fetch_add(&loop_done, 1);
        }
    }
}

static void *worker(void *argument)
{
    const int me = (int)(intptr_t)argument;
    uint32_t seen = 0;
    for (;;) {
        const int64_t until = now_ns() + SPIN_NS;
        while ((uint32_t)(atomic_load(&ticket) >> 32) == seen && now_ns() < until)
            for (int i = 0; i < 32; i++)
                relax();
        if ((uint32_t)(atomic_load(&ticket) >> 32) == seen) {
            pthread_mutex_lock(&lock);
            atomic_fetch_add(&sleepers, 1);
            while ((uint32_t)(atomic_load(&ticket) >> 32) == seen)
                pthread_cond_wait(&wake, &lock);
            atomic_fetch_sub(&sleepers, 1);
            pthread_mutex_unlock(&lock);
        }
        seen = (uint32_t)(atomic_load(&ticket) >> 32);
        work(seen, me);
    }
    return 0;
}

static void after_fork(void)
{
    static const pthread_mutex_t new_lock = PTHREAD_MUTEX_INITIALIZER;
    static const pthread_cond_t new_wake = PTHREAD_COND_INITIALIZER;
    lock = new_lock;
    wake = new_wake;
    workers = 0;
    atomic_store(&sleepers, 0);
    atomic_store(&ticket, atomic_load(&ticket) | CLOSED);
    atomic_flag_clear(&busy);
}

static void start_workers(int wanted)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    if (!handlers) {
        pthread_atfork(0, 0, after_fork);
        handlers = 1;
    }
    if (wanted > MOST_WORKERS)
        wanted = MOST_WORKERS;
    if (workers >= wanted || pthread_attr_init(&attributes))
        return;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    /* Signals are for Python's own threads. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (workers < wanted) {
        pthread_t id;
        if (pthread_create(&id, &attributes, worker, (void *)(intptr_t)(workers + 1)))
            break; /* the caller does what they would have done */
        workers++;
    }
    pthread_sigmask(SIG_SETMASK, &before, 0);
    pthread_attr_destroy(&attributes);
}

void ad_pool_run(ad_task task, void *context, int chunks, int threads)
{
    if (threads > chunks)
        threads = chunks;
    if (threads <= 1 || atomic_flag_test_and_set(&busy)) {
        for (int i = 0; i < chunks; i++)
            task(context, i, 0);
        return;
    }
    start_workers(threads - 1);
    const uint32_t number = (uint32_t)(atomic_load(&ticket) >> 32) + 1;
    /* The last loop is closed: no claim succeeds until the new ticket is out. */
    atomic_store(&loop_task, task);
    atomic_store(&loop_context, context);
    atomic_store(&loop_threads, threads);
    atomic_store(&loop_done, 0);
    atomic_store(&loop_chunks, chunks);
    atomic_store(&ticket, (uint64_t)number << 32);
    if (atomic_load(&sleepers) > 0) {
        pthread_mutex_lock(&lock);
        pthread_cond_broadcast(&wake);
        pthread_mutex_unlock(&lock);
    }
    work(number, 0);
    /* Close it: whoever looks from here on finds nothing to claim, whatever the fields of the next loop. */
    atomic_store(&ticket, (uint64_t)number << 32 | CLOSED);
    for (int spins = 0; atomic_load(&loop_done) < chunks; spins++) {
        /* A worker has begun a chunk; if it is not running, let it. */
        if (spins < 2000)
            relax();
        else
            sched_yield();
    }
    atomic_flag_clear(&busy);
}

const char *ad_pool_kind(void)
{
    return "pthreads";
}

#endif
