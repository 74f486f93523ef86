/* Written by fit_coefficients.py: do not edit. */
#ifndef SCIRS_AD_COEFFICIENTS_H
#define SCIRS_AD_COEFFICIENTS_H

#include "base.h"

/* exp(x) = 1 + x + x^2 q(x), |x| <= ln(2)/2; error 2^-55.5 */
AD_INLINE f64 exp_q_f64(f64 x)
{
    f64 z = x * x;
    f64 even = FMA(FMA(FMA(FMA(0x1.28a2d22492221p-22, z, 0x1.a019a660d09b9p-16), z, 0x1.6c16c17f430f9p-10), z, 0x1.55555555520cap-5), z, 0x1.0000000000005p-1);
    f64 odd = FMA(FMA(FMA(FMA(0x1.af76d4aca044bp-26, z, 0x1.71dde9ede78dep-19), z, 0x1.a01a01b5e2367p-13), z, 0x1.111111110e6b5p-7), z, 0x1.555555555555cp-3);
    return FMA(odd, x, even);
}

/* exp(x) = 1 + x + x^2 q(x), |x| <= ln(2)/2; error 2^-25.9 */
AD_INLINE f32 exp_q_f32(f32 x)
{
    f32 z = x * x;
    f32 even = FMAF(FMAF(0x1.6d993ep-10f, z, 0x1.555486p-5f), z, 0x1.000000p-1f);
    f32 odd = FMAF(0x1.122836p-7f, z, 0x1.5554b0p-3f);
    return FMAF(odd, x, even);
}

/* 2^x = 1 + x ln 2 + x^2 q(x), |x| <= 1/2; error 2^-55.8 */
AD_INLINE f64 exp2_q_f64(f64 x)
{
    f64 z = x * x;
    f64 even = FMA(FMA(FMA(FMA(0x1.e6060c77d83ddp-28, z, 0x1.62bfd49705ad9p-20), z, 0x1.43091309624a0p-13), z, 0x1.3b2ab6fba1e24p-7), z, 0x1.ebfbdff82c598p-3);
    f64 odd = FMA(FMA(FMA(FMA(0x1.ea0234964e886p-32, z, 0x1.b524de6266a4ap-24), z, 0x1.ffcbfc7341237p-17), z, 0x1.5d87fe78a3130p-10), z, 0x1.c6b08d704a0c9p-5);
    return FMA(odd, x, even);
}

/* 2^x = 1 + x ln 2 + x^2 q(x), |x| <= 1/2; error 2^-26.5 */
AD_INLINE f32 exp2_q_f32(f32 x)
{
    f32 z = x * x;
    f32 even = FMAF(FMAF(0x1.445fa4p-13f, z, 0x1.3b29f8p-7f), z, 0x1.ebfbe0p-3f);
    f32 odd = FMAF(0x1.5eecf4p-10f, z, 0x1.c6afb0p-5f);
    return FMAF(odd, x, even);
}

/* sinh(x) = x + x^3 p(x^2), |x| <= ln(2)/2; error 2^-60.8 */
AD_INLINE f64 sinh_p_f64(f64 x)
{
    f64 z = x * x;
    f64 even = FMA(FMA(0x1.af5ef3cf57ff6p-26, z, 0x1.a01a01afef3bdp-13), z, 0x1.5555555555559p-3);
    f64 odd = FMA(0x1.71ddf837aa6fap-19, z, 0x1.111111110f698p-7);
    return FMA(odd, x, even);
}

/* sinh(x) = x + x^3 p(x^2), |x| <= ln(2)/2; error 2^-26.1 */
AD_INLINE f32 sinh_p_f32(f32 x)
{
    return FMAF(0x1.12283cp-7f, x, 0x1.5554b0p-3f);
}

/* cosh(x) = 1 + x^2 (1/2 + x^2 p(x^2)), |x| <= ln(2)/2; error 2^-68.0 */
AD_INLINE f64 cosh_p_f64(f64 x)
{
    f64 z = x * x;
    f64 even = FMA(FMA(0x1.1f8b9b67acdd9p-29, z, 0x1.a01a01ad6be25p-16), z, 0x1.5555555555558p-5);
    f64 odd = FMA(0x1.27e4cc3b0adcap-22, z, 0x1.6c16c16c15035p-10);
    return FMA(odd, x, even);
}

/* cosh(x) = 1 + x^2 (1/2 + x^2 p(x^2)), |x| <= ln(2)/2; error 2^-33.2 */
AD_INLINE f32 cosh_p_f32(f32 x)
{
    return FMAF(0x1.6d4f2cp-10f, x, 0x1.5554e6p-5f);
}

/* log((1 + s)/(1 - s)) = s (2 + s^2 p(s^2)), |s| <= (sqrt(2) - 1)/(sqrt(2) + 1); error 2^-58.0 */
AD_INLINE f64 log_p_f64(f64 x)
{
    f64 z = x * x;
    f64 even = FMA(FMA(FMA(0x1.2f0e7d6af9733p-3, z, 0x1.746646d4575ebp-3), z, 0x1.2492494217c62p-2), z, 0x1.5555555555593p-1);
    f64 odd = FMA(FMA(0x1.39a0dffe56725p-3, z, 0x1.c71c51e5f8b92p-3), z, 0x1.999999997fb6ep-2);
    return FMA(odd, x, even);
}

/* log((1 + s)/(1 - s)) = s (2 + s^2 p(s^2)), |s| <= (sqrt(2) - 1)/(sqrt(2) + 1); error 2^-29.1 */
AD_INLINE f32 log_p_f32(f32 x)
{
    return FMAF(FMAF(0x1.31e6a0p-2f, x, 0x1.995e9ep-2f), x, 0x1.55557ap-1f);
}

/* as log_p, less its first coefficient 2/3: p(z) = 2/3 + z g(z); error 2^-65.5 */
AD_INLINE f64 log_g_f64(f64 x)
{
    f64 z = x * x;
    f64 even = FMA(FMA(FMA(FMA(0x1.8149707cebd25p-4, z, 0x1.e1e06bef1781dp-4), z, 0x1.3b13b1313e9a9p-3), z, 0x1.c71c71c71c5c7p-3), z, 0x1.999999999999ap-2);
    f64 odd = FMA(FMA(FMA(FMA(0x1.a23c86c84bc9fp-4, z, 0x1.af5e0e1dd95fbp-4), z, 0x1.1111146149b72p-3), z, 0x1.745d1745e41a0p-3), z, 0x1.2492492492493p-2);
    return FMA(odd, x, even);
}

/* sin(x) = x + x^3 p(x^2), |x| <= pi/4; error 2^-57.1 */
AD_INLINE f64 sin_p_f64(f64 x)
{
    f64 z = x * x;
    f64 even = FMA(FMA(-0x1.ae5e63bdc1cf6p-26, z, -0x1.a01a019c0e5a7p-13), z, -0x1.5555555555549p-3);
    f64 odd = FMA(FMA(0x1.5d924072aa185p-33, z, 0x1.71de3574b2bb6p-19), z, 0x1.111111110f863p-7);
    return FMA(odd, x, even);
}

/* sin(x) = x + x^3 p(x^2), |x| <= pi/4; error 2^-27.4 */
AD_INLINE f32 sin_p_f32(f32 x)
{
    return FMAF(FMAF(-0x1.994ce0p-13f, x, 0x1.11075cp-7f), x, -0x1.555546p-3f);
}

/* cos(x) = 1 - x^2/2 + x^4 p(x^2), |x| <= pi/4; error 2^-59.7 */
AD_INLINE f64 cos_p_f64(f64 x)
{
    f64 z = x * x;
    f64 even = FMA(FMA(0x1.1ee9ea40fdde4p-29, z, 0x1.a01a019caea85p-16), z, 0x1.555555555554cp-5);
    f64 odd = FMA(FMA(-0x1.8fadb8c9f5378p-37, z, -0x1.27e4f80799ee3p-22), z, -0x1.6c16c16c15160p-10);
    return FMA(odd, x, even);
}

/* cos(x) = 1 - x^2/2 + x^4 p(x^2), |x| <= pi/4; error 2^-30.9 */
AD_INLINE f32 cos_p_f32(f32 x)
{
    return FMAF(FMAF(0x1.9a00d4p-16f, x, -0x1.6c0c86p-10f), x, 0x1.55554ap-5f);
}

/* atan(x) = x + x^3 p(x^2), |x| <= 1; error 2^-55.8 */
AD_INLINE f64 atan_p_f64(f64 x)
{
    f64 x2 = x * x;
    f64 x4 = x2 * x2;
    f64 x8 = x4 * x4;
    f64 low = FMA(FMA(FMA(FMA(FMA(FMA(FMA(FMA(FMA(0x1.82eeab78b9461p-5, x, -0x1.ae644c11888d7p-5), x, 0x1.e1bcf76c43e19p-5), x, -0x1.110e6d8beb256p-4), x, 0x1.3b136a1646de9p-4), x, -0x1.745d11fb10548p-4), x, 0x1.c71c718425756p-4), x, -0x1.24924923922e5p-3), x, 0x1.9999999995ae5p-3), x, -0x1.555555555552ap-2);
    f64 high = FMA(FMA(FMA(FMA(FMA(FMA(FMA(FMA(FMA(0x1.c4a25254af8aep-17, x, -0x1.44a36f641ff5cp-13), x, 0x1.ba3c2c73c116dp-11), x, -0x1.7ea5f8a3684b8p-9), x, 0x1.dc04015fede97p-8), x, -0x1.ca973f47de96cp-7), x, 0x1.69d847a5d4a2cp-6), x, -0x1.eb48fd567bbaep-6), x, 0x1.2c9809d25441cp-5), x, -0x1.59d7e914ed18fp-5);
    return FMA(high, x2 * x8, low);
}

/* atan(x) = x + x^3 p(x^2), |x| <= 1; error 2^-28.4 */
AD_INLINE f32 atan_p_f32(f32 x)
{
    f32 x2 = x * x;
    f32 x4 = x2 * x2;
    f32 low = FMAF(FMAF(FMAF(0x1.c0d278p-4f, x, -0x1.2426f8p-3f), x, 0x1.999276p-3f), x, -0x1.555540p-2f);
    f32 high = FMAF(FMAF(FMAF(FMAF(-0x1.defbb2p-10f, x, 0x1.6a8deap-7f), x, -0x1.01aecap-5f), x, 0x1.dd0e24p-5f), x, -0x1.58dc46p-4f);
    return FMAF(high, x4, low);
}

/* atan_p to single precision, in double arithmetic; error 2^-28.7 */
AD_INLINE f64 atan_p32_f64(f64 x)
{
    f64 x2 = x * x;
    f64 x4 = x2 * x2;
    f64 low = FMA(FMA(FMA(0x1.c0d277bad600ep-4, x, -0x1.2426f7419365fp-3), x, 0x1.9992764dcb790p-3), x, -0x1.55554036ff328p-2);
    f64 high = FMA(FMA(FMA(FMA(-0x1.defbb102fbb50p-10, x, 0x1.6a8de95644ae3p-7), x, -0x1.01aec9fa7482bp-5), x, 0x1.dd0e2383d9ec5p-5), x, -0x1.58dc469ec2d84p-4);
    return FMA(high, x4, low);
}

/* asin(x) = x + x^3 p(x^2), |x| <= 1/2; error 2^-55.7 */
AD_INLINE f64 asin_p_f64(f64 x)
{
    f64 z = x * x;
    f64 even = FMA(FMA(FMA(FMA(FMA(-0x1.0adff10805591p-6, z, 0x1.aac7dba907595p-8), z, 0x1.c6f8daa6fa2bbp-7), z, 0x1.6e89efc942a48p-6), z, 0x1.6db6db41dd993p-5), z, 0x1.5555555555387p-3);
    f64 odd = FMA(FMA(FMA(FMA(FMA(0x1.05c7592cb3fa2p-5, z, 0x1.40a44d015476ep-6), z, 0x1.8ee249581291ep-7), z, 0x1.1c6c2308779f6p-6), z, 0x1.f1c72c6a0e7f7p-6), z, 0x1.333333336f7a6p-4);
    return FMA(odd, x, even);
}

/* asin(x) = x + x^3 p(x^2), |x| <= 1/2; error 2^-27.4 */
AD_INLINE f32 asin_p_f32(f32 x)
{
    f32 z = x * x;
    f32 even = FMAF(FMAF(0x1.59dc20p-5f, z, 0x1.748c8cp-5f), z, 0x1.5555cap-3f);
    f32 odd = FMAF(0x1.8ba0c2p-6f, z, 0x1.33014ep-4f);
    return FMAF(odd, x, even);
}

/* x^(-1/3), 1 <= x <= 2 (a first approximation); error 2^-14.7 */
AD_INLINE f64 cbrt_p_f64(f64 x)
{
    f64 z = x * x;
    f64 even = FMA(FMA(0x1.d46f9b638c024p-6, z, 0x1.641659e91ea9ap-1), z, 0x1.ab859187748bcp+0);
    f64 odd = FMA(-0x1.c51874ff1e2d9p-3, z, -0x1.2c41e63b495d8p+0);
    return FMA(odd, x, even);
}

#endif
