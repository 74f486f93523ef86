/* Hyperbolic functions and their inverses. */
AD_LIBM1(sinh, sinh)
AD_LIBM1(cosh, cosh)
AD_LIBM1(tanh, tanh)
AD_LIBM1(arcsinh, asinh)
AD_LIBM1(arccosh, acosh)
AD_LIBM1(arctanh, atanh)
