/* A fingerprint of memory at the speed of memory.

   Eight lanes of 64 bits: each adds up the product of the halves of a word, keyed, and the word beside it (the inner
   loop of XXH3, https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md, from its description). A change of one
   word is always seen, by the lane beside; of many words but for 2^-64 or so. The keys depend on the place, so words
   that move are seen as well. From the end to the start: what has just been read from the start to the end by an
   operation is in the cache at its end.
*/
#ifndef AD_DIGEST_H
#define AD_DIGEST_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define AD_DIGEST_STEP 0x9fb21c651e98df25u

static const uint64_t ad_digest_keys[8] = {
    0x9e3779b97f4a7c15u, 0xbf58476d1ce4e5b9u, 0x94d049bb133111ebu, 0xd6e8feb86659fd93u,
    0xa0761d6478bd642fu, 0xe7037ed1a0b428dbu, 0x8ebc6af09c88c6e3u, 0x589965cc75374cc3u};

static void ad_digest_stripes(const unsigned char *data, size_t n, uint64_t *lanes)
{
    uint64_t keys[8];
    size_t s;
    int i;
    for (i = 0; i < 8; i++)
        keys[i] = ad_digest_keys[i] + n * AD_DIGEST_STEP;
#ifdef __SSE2__
    __m128i a[4], k[4];
    const __m128i step = _mm_set1_epi64x((long long)(0u - AD_DIGEST_STEP));
    for (i = 0; i < 4; i++) {
        a[i] = _mm_loadu_si128((const __m128i *)lanes + i);
        k[i] = _mm_loadu_si128((const __m128i *)keys + i);
    }
    for (s = n; s > 0; s--) {
        const unsigned char *p = data + (s - 1) * 64;
        _mm_prefetch((const char *)((uintptr_t)p - 1024), _MM_HINT_T0);  /* 1.3 times as fast beyond the caches */
        for (i = 0; i < 4; i++) {
            __m128i w = _mm_loadu_si128((const __m128i *)p + i);
            __m128i v = _mm_xor_si128(w, k[i]);
            a[i] = _mm_add_epi64(a[i], _mm_add_epi64(_mm_shuffle_epi32(w, 0x4e),
                                                     _mm_mul_epu32(v, _mm_srli_epi64(v, 32))));
            k[i] = _mm_add_epi64(k[i], step);
        }
    }
    for (i = 0; i < 4; i++)
        _mm_storeu_si128((__m128i *)lanes + i, a[i]);
#else
    for (s = n; s > 0; s--) {
        uint64_t w[8];
        memcpy(w, data + (s - 1) * 64, 64);
        for (i = 0; i < 8; i++) {
            uint64_t v = w[i] ^ keys[i];
            lanes[i] += w[i ^ 1] + (v & 0xffffffffu) * (v >> 32);
            keys[i] -= AD_DIGEST_STEP;
        }
    }
#endif
}

static uint64_t ad_digest(const void *data, size_t bytes)
{
    const unsigned char *p = (const unsigned char *)data;
    unsigned char last[64] = {0};
    uint64_t lanes[8], h = bytes;
    int i;
    memcpy(lanes, ad_digest_keys, 64);
    if (bytes % 64) {
        memcpy(last, p + bytes / 64 * 64, bytes % 64);
        ad_digest_stripes(last, 1, lanes);
    }
    for (i = 0; i < 8; i++)     /* the last stripe has the keys of the first: it must not be mixed up with it */
        lanes[i] = (lanes[i] ^ lanes[i] >> 29) * 0xbf58476d1ce4e5b9u;
    ad_digest_stripes(p, bytes / 64, lanes);
    for (i = 0; i < 8; i++) {
        h = (h ^ lanes[i] ^ lanes[i] >> 32) * 0xd6e8feb86659fd93u;
        h ^= h >> 32;
    }
    return h;
}

#endif
