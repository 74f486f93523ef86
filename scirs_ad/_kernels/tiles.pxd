# The kernels of src/tile.h for the instruction set in use.

cdef extern from "tile.h":
    ctypedef struct ad_tile:
        int m, n, k, lower, flag, conj
        Py_ssize_t *rs
        Py_ssize_t *cs
    enum:
        AD_TILE_LANES
        AD_TILE_MOST
        AD_TILE_cholesky
        AD_TILE_cholesky_pull
        AD_TILE_solve
        AD_TILE_solve_pull
        AD_TILE_lu
        AD_TILE_lu_solve
        AD_TILE_triangular
        AD_TILE_diagonal
        AD_TILE_inv
        AD_TILE_qr
        AD_PRODUCT_MOST
        AD_GEMM_ROOM
        AD_TRIANGLE_MOST
    ctypedef unsigned int (*ad_tile_fn)(const ad_tile *, char **, int, void *) noexcept nogil
    ctypedef void (*ad_transpose_fn)(void *, const char *, Py_ssize_t, Py_ssize_t, Py_ssize_t) noexcept nogil
    ctypedef void (*ad_product_fn)(int, int, int, const void *, Py_ssize_t, Py_ssize_t, const void *, Py_ssize_t,
                                   Py_ssize_t, void *, Py_ssize_t) noexcept nogil
    ctypedef void (*ad_panel_fn)(int, int, void *, Py_ssize_t, void *, Py_ssize_t) noexcept nogil
    ctypedef void (*ad_gemm_fn)(int, int, int, int, int, const void *, const void *, Py_ssize_t, const void *,
                                Py_ssize_t, const void *, void *, Py_ssize_t, void *) noexcept nogil
    ctypedef void (*ad_triangle_fn)(int, int, int, int, int, int, const void *, Py_ssize_t, void *,
                                    Py_ssize_t) noexcept nogil
    ctypedef struct ad_tile_table:
        ad_tile_fn (*fn)[2]
        ad_tile_fn (*complex_fn)[2]
        const ad_transpose_fn *transpose
        ad_product_fn (*product)[2]
        ad_panel_fn *panel
        ad_gemm_fn *gemm
        ad_triangle_fn *triangle
        int bytes

cdef const ad_tile_table *tiles
