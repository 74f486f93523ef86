/* A flag of each thread; to be included by one module, whose own it is. */
#ifndef AD_THREAD_LOCAL_H
#define AD_THREAD_LOCAL_H

#if defined(_MSC_VER)
static __declspec(thread) int ad_panels;
#else
static _Thread_local int ad_panels;
#endif

#endif
