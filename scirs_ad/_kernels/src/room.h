/* Working memory of AD_GEMM_ROOM bytes for the products of each thread, kept from one to the next: as many pieces as there
 * were products at a time. To be included by one module, whose own they are. */
#ifndef AD_ROOM_H
#define AD_ROOM_H

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#include "tile.h"

enum { AD_ROOMS = 256, AD_ROOM_LINE = 64 };
static struct {
    atomic_flag taken;
    void *memory;
} ad_rooms[AD_ROOMS];

/* A piece and its number, to be given back; NULL if there is none. */
static void *ad_room_take(int *number)
{
    for (int i = 0; i < AD_ROOMS; i++)
        if (!atomic_flag_test_and_set_explicit(&ad_rooms[i].taken, memory_order_acquire)) {
            if (!ad_rooms[i].memory) {
                char *memory = malloc(AD_GEMM_ROOM + AD_ROOM_LINE);
                ad_rooms[i].memory = memory ? memory + (AD_ROOM_LINE - (uintptr_t)memory % AD_ROOM_LINE) : NULL;
            }
            if (ad_rooms[i].memory) {
                *number = i;
                return ad_rooms[i].memory;
            }
            atomic_flag_clear_explicit(&ad_rooms[i].taken, memory_order_release);
            break;
        }
    return NULL;
}

static void ad_room_give(int number)
{
    atomic_flag_clear_explicit(&ad_rooms[number].taken, memory_order_release);
}

#endif
