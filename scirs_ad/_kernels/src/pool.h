/* A loop over chunks in several threads. */
#ifndef AD_POOL_H
#define AD_POOL_H

/* One chunk: `worker` is 0 for the caller and below the number of threads for all (for workspaces). */
typedef void (*ad_task)(void *context, int chunk, int worker);
typedef void (*ad_parallel_for)(ad_task task, void *context, int chunks, int threads);

void ad_pool_run(ad_task task, void *context, int chunks, int threads);
const char *ad_pool_kind(void);

#endif
