/* End of one inclusion of a template. */
#undef S
#undef U
#undef M
#undef NAME
#undef PICK
#undef FMA_S
#undef BITS
#undef FROM
#undef MANT
#undef BIAS
#undef MAGIC
#undef AD_MAX
#undef AD_MIN
