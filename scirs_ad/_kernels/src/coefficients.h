/* Written by fit_coefficients.py: do not edit. */
#ifndef SCIRS_AD_COEFFICIENTS_H
#define SCIRS_AD_COEFFICIENTS_H

#include "base.h"

/* exp(x) = 1 + x + x^2 q(x), |x| <= ln(2)/2; error 2^-55.5 */
AD_INLINE f64 exp_q_f64(f64 x)
{
    f64 z = x * x;
    return FMA(FMA(FMA(FMA(FMA(0x1.af76d4aca044bp-26, x, 0x1.28a2d22492221p-22), z, FMA(0x1.71dde9ede78dep-19, x, 0x1.a019a660d09b9p-16)), z, FMA(0x1.a01a01b5e2367p-13, x, 0x1.6c16c17f430f9p-10)), z, FMA(0x1.111111110e6b5p-7, x, 0x1.55555555520cap-5)), z, FMA(0x1.555555555555cp-3, x, 0x1.0000000000005p-1));
}

/* exp(x) = 1 + x + x^2 q(x), |x| <= ln(2)/2; error 2^-25.9 */
AD_INLINE f32 exp_q_f32(f32 x)
{
    f32 z = x * x;
    return FMAF(FMAF(0x1.6d993ep-10f, z, FMAF(0x1.122836p-7f, x, 0x1.555486p-5f)), z, FMAF(0x1.5554b0p-3f, x, 0x1.000000p-1f));
}

/* 2^x = 1 + x ln 2 + x^2 q(x), |x| <= 1/2; error 2^-55.8 */
AD_INLINE f64 exp2_q_f64(f64 x)
{
    f64 z = x * x;
    return FMA(FMA(FMA(FMA(FMA(0x1.ea0234964e886p-32, x, 0x1.e6060c77d83ddp-28), z, FMA(0x1.b524de6266a4ap-24, x, 0x1.62bfd49705ad9p-20)), z, FMA(0x1.ffcbfc7341237p-17, x, 0x1.43091309624a0p-13)), z, FMA(0x1.5d87fe78a3130p-10, x, 0x1.3b2ab6fba1e24p-7)), z, FMA(0x1.c6b08d704a0c9p-5, x, 0x1.ebfbdff82c598p-3));
}

/* 2^x = 1 + x ln 2 + x^2 q(x), |x| <= 1/2; error 2^-26.5 */
AD_INLINE f32 exp2_q_f32(f32 x)
{
    f32 z = x * x;
    return FMAF(FMAF(0x1.445fa4p-13f, z, FMAF(0x1.5eecf4p-10f, x, 0x1.3b29f8p-7f)), z, FMAF(0x1.c6afb0p-5f, x, 0x1.ebfbe0p-3f));
}

/* sinh(x) = x + x^3 p(x^2), |x| <= ln(2)/2; error 2^-60.8 */
AD_INLINE f64 sinh_p_f64(f64 x)
{
    f64 z = x * x;
    return FMA(FMA(0x1.af5ef3cf57ff6p-26, z, FMA(0x1.71ddf837aa6fap-19, x, 0x1.a01a01afef3bdp-13)), z, FMA(0x1.111111110f698p-7, x, 0x1.5555555555559p-3));
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
    return FMA(FMA(0x1.1f8b9b67acdd9p-29, z, FMA(0x1.27e4cc3b0adcap-22, x, 0x1.a01a01ad6be25p-16)), z, FMA(0x1.6c16c16c15035p-10, x, 0x1.5555555555558p-5));
}

/* cosh(x) = 1 + x^2 (1/2 + x^2 p(x^2)), |x| <= ln(2)/2; error 2^-33.2 */
AD_INLINE f32 cosh_p_f32(f32 x)
{
    return FMAF(0x1.6d4f2cp-10f, x, 0x1.5554e6p-5f);
}

/* tanh(x) = x + x^3 p(x^2), |x| <= 0.1802; error 2^-56.9 */
AD_INLINE f64 tanh_p_f64(f64 x)
{
    f64 z = x * x;
    return FMA(FMA(FMA(0x1.c201476ba19e6p-9, x, -0x1.22344c49d1008p-7), z, FMA(0x1.664ea955b8bf5p-6, x, -0x1.ba1ba0dc8818dp-5)), z, FMA(0x1.11111110ca1d4p-3, x, -0x1.5555555555463p-2));
}

/* tanh(x) = x + x^3 p(x^2), |x| <= 0.1802; error 2^-31.3 */
AD_INLINE f32 tanh_p_f32(f32 x)
{
    return FMAF(FMAF(-0x1.af22a6p-5f, x, 0x1.1103f0p-3f), x, -0x1.55554cp-2f);
}

/* log((1 + s)/(1 - s)) = s (2 + s^2 p(s^2)), |s| <= (sqrt(2) - 1)/(sqrt(2) + 1); error 2^-58.0 */
AD_INLINE f64 log_p_f64(f64 x)
{
    f64 z = x * x;
    return FMA(FMA(FMA(0x1.2f0e7d6af9733p-3, z, FMA(0x1.39a0dffe56725p-3, x, 0x1.746646d4575ebp-3)), z, FMA(0x1.c71c51e5f8b92p-3, x, 0x1.2492494217c62p-2)), z, FMA(0x1.999999997fb6ep-2, x, 0x1.5555555555593p-1));
}

/* log((1 + s)/(1 - s)) = s (2 + s^2 p(s^2)), |s| <= (sqrt(2) - 1)/(sqrt(2) + 1); error 2^-29.1 */
AD_INLINE f32 log_p_f32(f32 x)
{
    return FMAF(FMAF(0x1.31e6a0p-2f, x, 0x1.995e9ep-2f), x, 0x1.55557ap-1f);
}

/* as log_p, |s| <= 1/3; error 2^-58.0 */
AD_INLINE f64 log1p_p_f64(f64 x)
{
    f64 z = x * x;
    return FMA(FMA(FMA(FMA(FMA(FMA(0x1.4901b0055046fp-3, x, 0x1.da7affeb13cabp-5), z, FMA(0x1.9d8616b564e3cp-4, x, 0x1.ac413bb1c4981p-4)), z, FMA(0x1.e21f35c69b018p-4, x, 0x1.110f5869ca7e3p-3)), z, FMA(0x1.3b13c208a06f7p-3, x, 0x1.745d16d8c26e1p-3)), z, FMA(0x1.c71c71c8de36fp-3, x, 0x1.24924924902a6p-2)), z, FMA(0x1.99999999999c3p-2, x, 0x1.5555555555555p-1));
}

/* as log_p, |s| <= 1/3; error 2^-29.5 */
AD_INLINE f32 log1p_p_f32(f32 x)
{
    f32 z = x * x;
    return FMAF(FMAF(0x1.f1ce4ep-3f, z, FMAF(0x1.b6cef6p-3f, x, 0x1.2509c4p-2f)), z, FMAF(0x1.9996a6p-2f, x, 0x1.555558p-1f));
}

/* as log_p, less its first coefficient 2/3: p(z) = 2/3 + z g(z); error 2^-65.5 */
AD_INLINE f64 log_g_f64(f64 x)
{
    f64 z = x * x;
    return FMA(FMA(FMA(FMA(FMA(0x1.a23c86c84bc9fp-4, x, 0x1.8149707cebd25p-4), z, FMA(0x1.af5e0e1dd95fbp-4, x, 0x1.e1e06bef1781dp-4)), z, FMA(0x1.1111146149b72p-3, x, 0x1.3b13b1313e9a9p-3)), z, FMA(0x1.745d1745e41a0p-3, x, 0x1.c71c71c71c5c7p-3)), z, FMA(0x1.2492492492493p-2, x, 0x1.999999999999ap-2));
}

/* sin(x) = x + x^3 p(x^2), |x| <= pi/4; error 2^-57.1 */
AD_INLINE f64 sin_p_f64(f64 x)
{
    f64 z = x * x;
    return FMA(FMA(FMA(0x1.5d924072aa185p-33, x, -0x1.ae5e63bdc1cf6p-26), z, FMA(0x1.71de3574b2bb6p-19, x, -0x1.a01a019c0e5a7p-13)), z, FMA(0x1.111111110f863p-7, x, -0x1.5555555555549p-3));
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
    return FMA(FMA(FMA(-0x1.8fadb8c9f5378p-37, x, 0x1.1ee9ea40fdde4p-29), z, FMA(-0x1.27e4f80799ee3p-22, x, 0x1.a01a019caea85p-16)), z, FMA(-0x1.6c16c16c15160p-10, x, 0x1.555555555554cp-5));
}

/* cos(x) = 1 - x^2/2 + x^4 p(x^2), |x| <= pi/4; error 2^-30.9 */
AD_INLINE f32 cos_p_f32(f32 x)
{
    return FMAF(FMAF(0x1.9a00d4p-16f, x, -0x1.6c0c86p-10f), x, 0x1.55554ap-5f);
}

/* sin(pi x)/pi = x + x^3 p(x^2), |x| <= 1/2; error 2^-57.0 */
AD_INLINE f64 sinpi_p_f64(f64 x)
{
    f64 z = x * x;
    return FMA(FMA(FMA(FMA(-0x1.e786c982bd98ap-28, z, FMA(0x1.0fab3f963ee13p-22, x, -0x1.d4240bd62e9adp-18)), z, FMA(0x1.3747193516641p-13, x, -0x1.33816aa30b16cp-9)), z, FMA(0x1.ac6805cf3241ep-6, x, -0x1.86a8e4720db32p-3)), z, FMA(0x1.9f9cb402bc46cp-1, x, -0x1.a51a6625307d3p+0));
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
    return FMA(FMA(FMA(FMA(FMA(FMA(0x1.05c7592cb3fa2p-5, x, -0x1.0adff10805591p-6), z, FMA(0x1.40a44d015476ep-6, x, 0x1.aac7dba907595p-8)), z, FMA(0x1.8ee249581291ep-7, x, 0x1.c6f8daa6fa2bbp-7)), z, FMA(0x1.1c6c2308779f6p-6, x, 0x1.6e89efc942a48p-6)), z, FMA(0x1.f1c72c6a0e7f7p-6, x, 0x1.6db6db41dd993p-5)), z, FMA(0x1.333333336f7a6p-4, x, 0x1.5555555555387p-3));
}

/* asin(x) = x + x^3 p(x^2), |x| <= 1/2; error 2^-27.4 */
AD_INLINE f32 asin_p_f32(f32 x)
{
    f32 z = x * x;
    return FMAF(FMAF(0x1.59dc20p-5f, z, FMAF(0x1.8ba0c2p-6f, x, 0x1.748c8cp-5f)), z, FMAF(0x1.33014ep-4f, x, 0x1.5555cap-3f));
}

/* erf(x) = x + x p(x^2), |x| <= 1; error 2^-56.1 */
AD_INLINE f64 erf_p_f64(f64 x)
{
    f64 z = x * x;
    return FMA(FMA(FMA(FMA(FMA(FMA(0x1.062835667b2bcp-34, z, FMA(-0x1.38ac72b98f781p-30, x, 0x1.f7b9b6e7dc6d9p-27)), z, FMA(-0x1.5f1f434646eebp-23, x, 0x1.b9df309f1e6f8p-20)), z, FMA(-0x1.f4d1e4399ebf0p-17, x, 0x1.f9a321e4f44e6p-14)), z, FMA(-0x1.c02db3db4b4b5p-11, x, 0x1.565bcd0dbd9abp-8)), z, FMA(-0x1.b82ce31284f3bp-6, x, 0x1.ce2f21a042b34p-4)), z, FMA(-0x1.812746b0379e6p-2, x, 0x1.06eba8214db69p-3));
}

/* erf(x) = x + x p(x^2), |x| <= 1; error 2^-26.1 */
AD_INLINE f32 erf_p_f32(f32 x)
{
    f32 z = x * x;
    return FMAF(FMAF(FMAF(0x1.4ae592p-14f, z, FMAF(-0x1.a48636p-11f, x, 0x1.541a00p-8f)), z, FMAF(-0x1.b7fbb6p-6f, x, 0x1.ce2d20p-4f)), z, FMAF(-0x1.81273ep-2f, x, 0x1.06eba8p-3f));
}

/* erf(1 + x) = 1 - exp(-h(x)), 0 <= x <= 5; error 2^-55.9 */
AD_INLINE f64 erf_h_f64(f64 x)
{
    f64 z = x * x;
    return FMA(FMA(FMA(FMA(FMA(FMA(FMA(FMA(FMA(0x1.56546564d5365p-38, x, -0x1.0664182757943p-33), z, FMA(0x1.6a9514b29d51dp-30, x, -0x1.24b25c565da92p-27)), z, FMA(0x1.1ed2ee145a0cep-25, x, -0x1.f24e37f2b0851p-25)), z, FMA(-0x1.b7d58bd14b671p-23, x, 0x1.1e24f718af3a6p-19)), z, FMA(-0x1.4484831a67aa5p-17, x, 0x1.c852b48b67e96p-16)), z, FMA(-0x1.b92dde9c647acp-16, x, -0x1.f1b04a5689a5ap-13)), z, FMA(0x1.033f5a1228161p-9, x, -0x1.48c9d37fba184p-7)), z, FMA(0x1.5477f099b69d1p-5, x, 0x1.afabc11a2afdbp-1)), z, FMA(0x1.51c9b0006c21ap+1, x, 0x1.d97fbf27aa2a1p+0));
}

/* erf(1 + x) = 1 - exp(-h(x)), 0 <= x <= 5; error 2^-26.9 */
AD_INLINE f32 erf_h_f32(f32 x)
{
    f32 z = x * x;
    return FMAF(FMAF(FMAF(FMAF(-0x1.0e3d24p-22f, z, FMAF(0x1.8702eap-16f, x, -0x1.33e36cp-12f)), z, FMAF(0x1.0865d0p-9f, x, -0x1.4951d6p-7f)), z, FMAF(0x1.547facp-5f, x, 0x1.afabb4p-1f)), z, FMAF(0x1.51c9b0p+1f, x, 0x1.d97fc0p+0f));
}

/* (x + 3) exp(x^2) erfc(x) = g0 + t g(t), t = (x - 3)/(x + 3), 0.4 <= x <= 27.3; error 2^-55.8 */
AD_INLINE f64 erfc_g_f64(f64 x)
{
    f64 x2 = x * x;
    f64 x4 = x2 * x2;
    f64 x8 = x4 * x4;
    f64 low = FMA(FMA(FMA(FMA(FMA(FMA(FMA(FMA(FMA(0x1.c3253dab66129p-14, x, -0x1.2238fd6a3a18ep-12), x, -0x1.1f78e163f0453p-11), x, 0x1.8dae3a2554a84p-9), x, -0x1.3dd3e70f3ea06p-10), x, -0x1.b78993d6ae1a1p-6), x, 0x1.e995f11b16e1cp-4), x, -0x1.3deb21415dcddp-2), x, 0x1.2e326945de2b8p-1), x, -0x1.c44c471baa376p-1);
    f64 high = FMA(FMA(FMA(FMA(FMA(FMA(FMA(FMA(FMA(FMA(-0x1.b6addccea9968p-28, x, -0x1.8f6ed7406fad2p-29), x, 0x1.a18054663dd35p-25), x, 0x1.9b22d25c872e1p-25), x, -0x1.f37deff61a5d3p-23), x, -0x1.b6f2d80987951p-22), x, 0x1.0c1c6dabb491ep-20), x, 0x1.732eb9d77c35ep-19), x, -0x1.3eb8aafc92fd3p-18), x, -0x1.251b54dafd59cp-16), x, 0x1.fdff51428e004p-16);
    return FMA(high, x2 * x8, low);
}

/* as above, 0.4 <= x <= 10.2; error 2^-26.6 */
AD_INLINE f32 erfc_g_f32(f32 x)
{
    f32 x2 = x * x;
    f32 x4 = x2 * x2;
    f32 low = FMAF(FMAF(FMAF(FMAF(-0x1.b75b9ep-6f, x, 0x1.e99662p-4f), x, -0x1.3deb64p-2f), x, 0x1.2e3268p-1f), x, -0x1.c44c46p-1f);
    f32 high = FMAF(FMAF(FMAF(FMAF(0x1.e32364p-14f, x, -0x1.a26ce0p-13f), x, -0x1.2061e2p-11f), x, 0x1.878b66p-9f), x, -0x1.3e4db2p-10f);
    return FMAF(high, x * x4, low);
}

/* derivative of g0 + t g(t), to a few per cent; error 2^-4.1 */
AD_INLINE f64 erfc_d_f64(f64 x)
{
    return FMA(FMA(-0x1.008eb133c0b01p+0, x, 0x1.65e6e89c1a66ap+0), x, -0x1.c071ee9ab45b6p-1);
}

/* derivative of g0 + t g(t), to a few per cent; error 2^-4.1 */
AD_INLINE f32 erfc_d_f32(f32 x)
{
    return FMAF(FMAF(-0x1.008eb2p+0f, x, 0x1.65e6e8p+0f), x, -0x1.c071eep-1f);
}

/* log(Gamma(x)) = (x - 1/2) log(x) - x + log(2 pi)/2 + p(1/x^2)/x, x >= 5; error 2^-58.4 */
AD_INLINE f64 stirling_p_f64(f64 x)
{
    f64 z = x * x;
    return FMA(FMA(FMA(0x1.bc0ff33a05be5p-9, z, FMA(-0x1.ca0e4731f2562p-10, x, 0x1.b6741f545b374p-11)), z, FMA(-0x1.3805ec890562cp-11, x, 0x1.a019ddff0d7d9p-11)), z, FMA(-0x1.6c16c160986d0p-9, x, 0x1.55555555552b0p-4));
}

/* digamma(x) = log(x) - 1/(2 x) - p(1/x^2)/x^2, x >= 4; error 2^-58.6 */
AD_INLINE f64 digamma_p_f64(f64 x)
{
    f64 z = x * x;
    return FMA(FMA(FMA(FMA(0x1.cc33af65f473bp-2, z, FMA(-0x1.dcaa0904255d1p-3, x, 0x1.23a1ccb1c4f70p-4)), z, FMA(-0x1.51d8b1eb741ddp-6, x, 0x1.efb26f12c4dc9p-8)), z, FMA(-0x1.110dd8ec7c669p-8, x, 0x1.0410395a485c1p-8)), z, FMA(-0x1.1111110c75e59p-7, x, 0x1.555555555515dp-4));
}

/* trigamma(x) = 1/x + 1/(2 x^2) + p(1/x^2)/x^3, x >= 5; error 2^-58.8 */
AD_INLINE f64 trigamma_p_f64(f64 x)
{
    f64 z = x * x;
    return FMA(FMA(FMA(FMA(0x1.9a99196bc07dcp+3, z, FMA(-0x1.2a1f9ceaf77fbp+2, x, 0x1.12b5cc8df747cp+0)), z, FMA(-0x1.00c98f6614a97p-2, x, 0x1.3626275bb7cd5p-4)), z, FMA(-0x1.1110498cddca3p-5, x, 0x1.86185f44271e7p-6)), z, FMA(-0x1.11111110427c0p-5, x, 0x1.5555555555489p-3));
}

/* x^(-1/3), 1 <= x <= 2 (a first approximation); error 2^-14.7 */
AD_INLINE f64 cbrt_p_f64(f64 x)
{
    f64 z = x * x;
    return FMA(FMA(0x1.d46f9b638c024p-6, z, FMA(-0x1.c51874ff1e2d9p-3, x, 0x1.641659e91ea9ap-1)), z, FMA(-0x1.2c41e63b495d8p+0, x, 0x1.ab859187748bcp+0));
}

/* log(Gamma(x)) / ((x - 1) (x - 2)) - 0.4375, 0.7 <= x <= 5: numerator; error 2^-54.6 */
AD_INLINE f64 gammaln_r_num_f64(f64 x)
{
    f64 z = x * x;
    return FMA(FMA(FMA(FMA(FMA(-0x1.01913032a8033p-6, x, -0x1.2da2add6e78fdp+0), z, FMA(-0x1.477963af66ec3p+4, x, -0x1.b6b71fb624f1bp+6)), z, FMA(-0x1.04dad6eb5a012p+7, x, 0x1.27f277bf6bdd5p+8)), z, FMA(0x1.4a648ac74c39ep+9, x, 0x1.72b1d6384d29bp+8)), z, FMA(0x1.f6939d9d77c92p+5, x, 0x1.19c7ab7042a4cp+1));
}

/* log(Gamma(x)) / ((x - 1) (x - 2)) - 0.4375, 0.7 <= x <= 5: denominator; error 2^-54.6 */
AD_INLINE f64 gammaln_r_den_f64(f64 x)
{
    f64 z = x * x;
    return FMA(FMA(FMA(FMA(FMA(0x1.298f2c35c4f8fp-5, x, 0x1.87a0ca1ed392ap+1), z, FMA(0x1.093d742b3a720p+6, x, 0x1.0c83a2a16ca86p+9)), z, FMA(0x1.d36a33c0bf64ep+10, x, 0x1.6edb42f6ead68p+11)), z, FMA(0x1.ff751e0211761p+10, x, 0x1.2216461292e87p+9)), z, FMA(0x1.b65f48be155ffp+5, x, 0x1.000000p+0));
}

/* digamma(x) / (x - its root) - 0.75, 1 <= x <= 4: numerator; error 2^-54.5 */
AD_INLINE f64 digamma_r_num_f64(f64 x)
{
    f64 z = x * x;
    return FMA(FMA(FMA(FMA(-0x1.61516ab04d7edp+11, x, -0x1.8ea44871bf47ep+17), z, FMA(-0x1.b5e92fd09f3f0p+21, x, -0x1.36f49e5694d3fp+24)), z, FMA(-0x1.824611186b053p+24, x, 0x1.336967b5e0e26p+26)), z, FMA(0x1.690846ef0715bp+27, x, 0x1.48f0d094ad03cp+26));
}

/* digamma(x) / (x - its root) - 0.75, 1 <= x <= 4: denominator; error 2^-54.5 */
AD_INLINE f64 digamma_r_den_f64(f64 x)
{
    f64 z = x * x;
    return FMA(FMA(FMA(FMA(0x1.da5cda791cdabp+11, x, 0x1.2415e2868acccp+18), z, FMA(0x1.7df44377d2a2ep+22, x, 0x1.7f390e3ab2b51p+25)), z, FMA(0x1.4c0a064947842p+27, x, 0x1.e7fe4af0bfc87p+27)), z, FMA(0x1.e0ca4cde03107p+26, x, 0x1.000000p+0));
}

/* trigamma(x) - 0.25, 1 <= x <= 5: numerator; error 2^-54.4 */
AD_INLINE f64 trigamma_r_num_f64(f64 x)
{
    f64 z = x * x;
    return FMA(FMA(FMA(FMA(0x1.5c93eb9109a6bp+15, x, 0x1.ac247cc33d0d2p+15), z, FMA(-0x1.cf8d45c9d271fp+18, x, -0x1.ebbaa7bf3ececp+20)), z, FMA(-0x1.ad8572f1a6f30p+21, x, -0x1.91b793c9aec6dp+21)), z, FMA(-0x1.9d5bf001c637bp+20, x, -0x1.a34fefa44b067p+18));
}

/* trigamma(x) - 0.25, 1 <= x <= 5: denominator; error 2^-54.4 */
AD_INLINE f64 trigamma_r_den_f64(f64 x)
{
    f64 z = x * x;
    return FMA(FMA(FMA(FMA(-0x1.5c93eb86bf3a8p+17, x, -0x1.c79d0b298f75dp+19), z, FMA(-0x1.0b68e3652167bp+21, x, -0x1.48830b83347acp+21)), z, FMA(-0x1.9d6d334fe0795p+20, x, -0x1.a33db88b01cb2p+18)), z, FMA(-0x1.896cc9faf4d96p+3, x, 0x1.000000p+0));
}

#endif
