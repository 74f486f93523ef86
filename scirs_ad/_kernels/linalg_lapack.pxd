# BLAS and LAPACK routines by precision: sizes by value, workspaces as void*, the return value is info.
# Real and complex routines share one signature; what the real one lacks (rwork) it ignores.
from scipy.linalg cimport cython_blas as blas, cython_lapack as lapack

ctypedef float complex c64
ctypedef double complex c128

ctypedef fused scalar:
    float
    double
    c64
    c128


cdef inline void gemv(char ta, int m, int n, scalar *a, int lda, scalar *x, int incx, scalar *y) noexcept nogil:
    cdef scalar one = 1, zero = 0
    cdef int incy = 1
    if scalar is float:
        blas.sgemv(&ta, &m, &n, &one, a, &lda, x, &incx, &zero, y, &incy)
    elif scalar is double:
        blas.dgemv(&ta, &m, &n, &one, a, &lda, x, &incx, &zero, y, &incy)
    elif scalar is c64:
        blas.cgemv(&ta, &m, &n, &one, a, &lda, x, &incx, &zero, y, &incy)
    else:
        blas.zgemv(&ta, &m, &n, &one, a, &lda, x, &incx, &zero, y, &incy)


cdef inline void syrk(char uplo, char ta, int n, int k, scalar *a, int lda, scalar *c, int ldc) noexcept nogil:
    cdef scalar one = 1, zero = 0
    if scalar is float:
        blas.ssyrk(&uplo, &ta, &n, &k, &one, a, &lda, &zero, c, &ldc)
    elif scalar is double:
        blas.dsyrk(&uplo, &ta, &n, &k, &one, a, &lda, &zero, c, &ldc)
    elif scalar is c64:
        blas.csyrk(&uplo, &ta, &n, &k, &one, a, &lda, &zero, c, &ldc)
    else:
        blas.zsyrk(&uplo, &ta, &n, &k, &one, a, &lda, &zero, c, &ldc)


cdef inline void herk_subtract(char uplo, char ta, int n, int k, scalar *a, int lda, scalar *c, int ldc) noexcept nogil:
    """A triangle of C -= op(A) op(A)^H."""
    cdef scalar minus = -1, one = 1
    cdef float minus_f = -1, one_f = 1
    cdef double minus_d = -1, one_d = 1
    if scalar is float:
        blas.ssyrk(&uplo, &ta, &n, &k, &minus, a, &lda, &one, c, &ldc)
    elif scalar is double:
        blas.dsyrk(&uplo, &ta, &n, &k, &minus, a, &lda, &one, c, &ldc)
    elif scalar is c64:
        blas.cherk(&uplo, &ta, &n, &k, &minus_f, a, &lda, &one_f, c, &ldc)
    else:
        blas.zherk(&uplo, &ta, &n, &k, &minus_d, a, &lda, &one_d, c, &ldc)


cdef inline void laswp(int n, scalar *a, int lda, int first, int last, int *piv) noexcept nogil:
    """Interchange rows ``i`` and ``piv[i] - 1`` of n columns, for i from first to last - 1."""
    cdef int step = 1, begin = first + 1
    if scalar is float:
        lapack.slaswp(&n, a, &lda, &begin, &last, piv, &step)
    elif scalar is double:
        lapack.dlaswp(&n, a, &lda, &begin, &last, piv, &step)
    elif scalar is c64:
        lapack.claswp(&n, a, &lda, &begin, &last, piv, &step)
    else:
        lapack.zlaswp(&n, a, &lda, &begin, &last, piv, &step)


cdef inline void trsm(char side, char uplo, char ta, char diag, int m, int n, scalar *a, int lda,
                      scalar *b, int ldb) noexcept nogil:
    cdef scalar one = 1
    if scalar is float:
        blas.strsm(&side, &uplo, &ta, &diag, &m, &n, &one, a, &lda, b, &ldb)
    elif scalar is double:
        blas.dtrsm(&side, &uplo, &ta, &diag, &m, &n, &one, a, &lda, b, &ldb)
    elif scalar is c64:
        blas.ctrsm(&side, &uplo, &ta, &diag, &m, &n, &one, a, &lda, b, &ldb)
    else:
        blas.ztrsm(&side, &uplo, &ta, &diag, &m, &n, &one, a, &lda, b, &ldb)


cdef inline void trsv(char uplo, char ta, char diag, int n, scalar *a, int lda, scalar *x) noexcept nogil:
    cdef int incx = 1
    if scalar is float:
        blas.strsv(&uplo, &ta, &diag, &n, a, &lda, x, &incx)
    elif scalar is double:
        blas.dtrsv(&uplo, &ta, &diag, &n, a, &lda, x, &incx)
    elif scalar is c64:
        blas.ctrsv(&uplo, &ta, &diag, &n, a, &lda, x, &incx)
    else:
        blas.ztrsv(&uplo, &ta, &diag, &n, a, &lda, x, &incx)


cdef inline int potrf(char uplo, int n, scalar *a, int lda) noexcept nogil:
    cdef int info = 0
    if scalar is float:
        lapack.spotrf(&uplo, &n, a, &lda, &info)
    elif scalar is double:
        lapack.dpotrf(&uplo, &n, a, &lda, &info)
    elif scalar is c64:
        lapack.cpotrf(&uplo, &n, a, &lda, &info)
    else:
        lapack.zpotrf(&uplo, &n, a, &lda, &info)
    return info


cdef inline int getrf(int m, int n, scalar *a, int lda, int *piv) noexcept nogil:
    cdef int info = 0
    if scalar is float:
        lapack.sgetrf(&m, &n, a, &lda, piv, &info)
    elif scalar is double:
        lapack.dgetrf(&m, &n, a, &lda, piv, &info)
    elif scalar is c64:
        lapack.cgetrf(&m, &n, a, &lda, piv, &info)
    else:
        lapack.zgetrf(&m, &n, a, &lda, piv, &info)
    return info


cdef inline int trtri(char uplo, char diag, int n, scalar *a, int lda) noexcept nogil:
    cdef int info = 0
    if scalar is float:
        lapack.strtri(&uplo, &diag, &n, a, &lda, &info)
    elif scalar is double:
        lapack.dtrtri(&uplo, &diag, &n, a, &lda, &info)
    elif scalar is c64:
        lapack.ctrtri(&uplo, &diag, &n, a, &lda, &info)
    else:
        lapack.ztrtri(&uplo, &diag, &n, a, &lda, &info)
    return info


cdef inline int getri(int n, scalar *a, int lda, int *piv, scalar *work, int lwork) noexcept nogil:
    cdef int info = 0
    if scalar is float:
        lapack.sgetri(&n, a, &lda, piv, work, &lwork, &info)
    elif scalar is double:
        lapack.dgetri(&n, a, &lda, piv, work, &lwork, &info)
    elif scalar is c64:
        lapack.cgetri(&n, a, &lda, piv, work, &lwork, &info)
    else:
        lapack.zgetri(&n, a, &lda, piv, work, &lwork, &info)
    return info


cdef inline int geqrt(int m, int n, int nb, scalar *a, int lda, scalar *t, int ldt, scalar *work) noexcept nogil:
    cdef int info = 0
    if scalar is float:
        lapack.sgeqrt(&m, &n, &nb, a, &lda, t, &ldt, work, &info)
    elif scalar is double:
        lapack.dgeqrt(&m, &n, &nb, a, &lda, t, &ldt, work, &info)
    elif scalar is c64:
        lapack.cgeqrt(&m, &n, &nb, a, &lda, t, &ldt, work, &info)
    else:
        lapack.zgeqrt(&m, &n, &nb, a, &lda, t, &ldt, work, &info)
    return info


cdef inline int heevd(char job, char uplo, int n, scalar *a, int lda, void *w, scalar *work, int lwork,
                      void *rwork, int lrwork, int *iwork, int liwork) noexcept nogil:
    cdef int info = 0
    if scalar is float:
        lapack.ssyevd(&job, &uplo, &n, a, &lda, <float*> w, work, &lwork, iwork, &liwork, &info)
    elif scalar is double:
        lapack.dsyevd(&job, &uplo, &n, a, &lda, <double*> w, work, &lwork, iwork, &liwork, &info)
    elif scalar is c64:
        lapack.cheevd(&job, &uplo, &n, a, &lda, <float*> w, work, &lwork, <float*> rwork, &lrwork, iwork, &liwork,
                      &info)
    else:
        lapack.zheevd(&job, &uplo, &n, a, &lda, <double*> w, work, &lwork, <double*> rwork, &lrwork, iwork, &liwork,
                      &info)
    return info


cdef inline int sterf(int n, scalar *d, scalar *e) noexcept nogil:
    cdef int info = 0
    if scalar is float:
        lapack.ssterf(&n, d, e, &info)
    elif scalar is double:
        lapack.dsterf(&n, d, e, &info)
    return info


cdef inline int sytrd(char uplo, int n, scalar *a, int lda, scalar *d, scalar *e, scalar *tau, scalar *work,
                      int lwork) noexcept nogil:
    cdef int info = 0
    if scalar is float:
        lapack.ssytrd(&uplo, &n, a, &lda, d, e, tau, work, &lwork, &info)
    elif scalar is double:
        lapack.dsytrd(&uplo, &n, a, &lda, d, e, tau, work, &lwork, &info)
    return info


cdef inline int geev(char job, int n, scalar *a, int lda, void *wr, void *wi, scalar *v, int ldv,
                     scalar *work, int lwork, void *rwork) noexcept nogil:
    cdef int info = 0
    cdef char no = c'N'
    cdef int one = 1
    if scalar is float:
        lapack.sgeev(&no, &job, &n, a, &lda, <float*> wr, <float*> wi, NULL, &one, v, &ldv, work, &lwork, &info)
    elif scalar is double:
        lapack.dgeev(&no, &job, &n, a, &lda, <double*> wr, <double*> wi, NULL, &one, v, &ldv, work, &lwork, &info)
    elif scalar is c64:
        lapack.cgeev(&no, &job, &n, a, &lda, <scalar*> wr, NULL, &one, v, &ldv, work, &lwork, <float*> rwork, &info)
    else:
        lapack.zgeev(&no, &job, &n, a, &lda, <scalar*> wr, NULL, &one, v, &ldv, work, &lwork, <double*> rwork, &info)
    return info


cdef inline int gesdd(char job, int m, int n, scalar *a, int lda, void *s, scalar *u, int ldu, scalar *vt, int ldvt,
                      scalar *work, int lwork, void *rwork, int *iwork) noexcept nogil:
    cdef int info = 0
    if scalar is float:
        lapack.sgesdd(&job, &m, &n, a, &lda, <float*> s, u, &ldu, vt, &ldvt, work, &lwork, iwork, &info)
    elif scalar is double:
        lapack.dgesdd(&job, &m, &n, a, &lda, <double*> s, u, &ldu, vt, &ldvt, work, &lwork, iwork, &info)
    elif scalar is c64:
        lapack.cgesdd(&job, &m, &n, a, &lda, <float*> s, u, &ldu, vt, &ldvt, work, &lwork, <float*> rwork, iwork,
                      &info)
    else:
        lapack.zgesdd(&job, &m, &n, a, &lda, <double*> s, u, &ldu, vt, &ldvt, work, &lwork, <double*> rwork, iwork,
                      &info)
    return info


cdef inline int gesvd(char job, int m, int n, scalar *a, int lda, void *s, scalar *u, int ldu, scalar *vt, int ldvt,
                      scalar *work, int lwork, void *rwork) noexcept nogil:
    cdef int info = 0
    if scalar is float:
        lapack.sgesvd(&job, &job, &m, &n, a, &lda, <float*> s, u, &ldu, vt, &ldvt, work, &lwork, &info)
    elif scalar is double:
        lapack.dgesvd(&job, &job, &m, &n, a, &lda, <double*> s, u, &ldu, vt, &ldvt, work, &lwork, &info)
    elif scalar is c64:
        lapack.cgesvd(&job, &job, &m, &n, a, &lda, <float*> s, u, &ldu, vt, &ldvt, work, &lwork, <float*> rwork,
                      &info)
    else:
        lapack.zgesvd(&job, &job, &m, &n, a, &lda, <double*> s, u, &ldu, vt, &ldvt, work, &lwork, <double*> rwork,
                      &info)
    return info


cdef inline int gelsd(int m, int n, int nrhs, scalar *a, int lda, scalar *b, int ldb, void *s, double rcond, int *rank,
                      scalar *work, int lwork, void *rwork, int *iwork) noexcept nogil:
    cdef int info = 0
    cdef double rc_double = rcond
    cdef float rc_float = <float> rcond
    if scalar is float:
        lapack.sgelsd(&m, &n, &nrhs, a, &lda, b, &ldb, <float*> s, &rc_float, rank, work, &lwork, iwork, &info)
    elif scalar is double:
        lapack.dgelsd(&m, &n, &nrhs, a, &lda, b, &ldb, <double*> s, &rc_double, rank, work, &lwork, iwork, &info)
    elif scalar is c64:
        lapack.cgelsd(&m, &n, &nrhs, a, &lda, b, &ldb, <float*> s, &rc_float, rank, work, &lwork, <float*> rwork,
                      iwork, &info)
    else:
        lapack.zgelsd(&m, &n, &nrhs, a, &lda, b, &ldb, <double*> s, &rc_double, rank, work, &lwork, <double*> rwork,
                      iwork, &info)
    return info


cdef inline int bdsdc(char uplo, char job, int n, scalar *d, scalar *e, scalar *u, int ldu, scalar *vt, int ldvt,
                      scalar *work, int *iwork) noexcept nogil:
    cdef int info = 0, no_index = 0
    cdef scalar nothing = 0
    if scalar is float:
        lapack.sbdsdc(&uplo, &job, &n, d, e, u, &ldu, vt, &ldvt, &nothing, &no_index, work, iwork, &info)
    elif scalar is double:
        lapack.dbdsdc(&uplo, &job, &n, d, e, u, &ldu, vt, &ldvt, &nothing, &no_index, work, iwork, &info)
    return info
