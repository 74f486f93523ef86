# The level-3 calls of one large matrix, shared among threads: as those of linalg_lapack, which they call.
from scirs_ad._kernels.linalg_lapack cimport scalar

cdef extern from *:
    """
    #define FEWEST_SHARED 1.5e6
    """
    double FEWEST_SHARED            # operations of what is worth two panels

cdef void share_panels(bint yes) noexcept nogil
cdef bint panels_shared() noexcept nogil
cdef void gemm(char ta, char tb, int m, int n, int k, scalar *a, int lda, scalar *b, int ldb,
               scalar *c, int ldc) noexcept nogil
cdef void gemm_add(char ta, char tb, int m, int n, int k, double factor, scalar *a, int lda, scalar *b, int ldb,
                   scalar *c, int ldc) noexcept nogil
cdef void mirror(scalar *c, int ldc, int lo, int hi, int first, int n) noexcept nogil
cdef void syrk(char ta, int n, int k, scalar *a, int lda, scalar *c, int ldc) noexcept nogil
cdef void trsm(char side, char uplo, char ta, char diag, int m, int n, scalar *a, int lda,
               scalar *b, int ldb) noexcept nogil
cdef void reflect(int m, int n, int k, scalar *a, scalar *b, scalar *c, int ldc, scalar *work) noexcept nogil
cdef bint quick(int typenum) noexcept nogil
cdef int getri(int n, scalar *a, int lda, int *piv, scalar *work, int lwork) noexcept nogil
cdef int potrf(char uplo, int n, scalar *a, int lda) noexcept nogil
cdef int getrf(int m, int n, scalar *a, int lda, int *piv) noexcept nogil
cdef void sgemm(char *ta, char *tb, int *m, int *n, int *k, float *alpha, float *a, int *lda, float *b, int *ldb,
                float *beta, float *c, int *ldc) noexcept nogil
cdef void dgemm(char *ta, char *tb, int *m, int *n, int *k, double *alpha, double *a, int *lda, double *b, int *ldb,
                double *beta, double *c, int *ldc) noexcept nogil
